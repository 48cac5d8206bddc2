import type { Operations } from '../operations.ts';
import type { Database } from './database.ts';
import { sqliteExecutions } from './executions.ts';
import { damaged } from './failures.ts';
import { sqliteFleet } from './fleet.ts';
import { sqliteKeys } from './keys.ts';
import { sqliteLogs } from './logs.ts';
import { sqliteResources } from './resources.ts';
import { sqliteTasks } from './tasks.ts';
import { sqliteTriggers } from './triggers.ts';
import { sqliteWebhooks } from './webhooks.ts';

/** Every operation of the store on an open file. Those that change something must run within a transaction. */
export function sqliteOperations(database: Database): Operations {
  return {
    check: () => check(database),
    ...sqliteResources(database),
    ...sqliteExecutions(database),
    ...sqliteTasks(database),
    ...sqliteLogs(database),
    ...sqliteFleet(database),
    ...sqliteKeys(database),
    ...sqliteWebhooks(database),
    ...sqliteTriggers(database),
  };
}

function check(database: Database): void {
  const written = database.first(
    `INSERT INTO readiness (id, checks) VALUES (1, 1)
     ON CONFLICT (id) DO UPDATE SET checks = (checks + 1) % 1000000 RETURNING checks`,
  );
  const read = database.first('SELECT checks FROM readiness WHERE id = 1');
  if (written?.number('checks') !== read?.number('checks')) {
    throw damaged(database.path, 'it does not give back what was written');
  }
}
