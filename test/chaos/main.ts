import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runChaos } from './run.ts';
import { PACES } from './timings.ts';

export async function main(argv: readonly string[]): Promise<number> {
  const directory = await mkdtemp(path.join(tmpdir(), 'outrider-chaos-'));
  const { observations, proxies } = await runChaos({
    seed: Number(argv[1] ?? 1),
    pace: PACES.fast,
    chaosMs: Number(argv[0] ?? 20_000),
    settleMs: 60_000,
    directory,
    tell: (line) => process.stdout.write(`${line}\n`),
  });
  const { executions, open, troubles, processes, secrets, watched, store } = observations;
  for (const e of executions)
    console.log(e.id, e.reason, e.status, e.rollback, e.failureCode, e.failureMessage, e.events.length);
  console.log({ open, troubles, processes, secrets, proxies, directory });
  console.log(watched.map((w) => `${w.name} ${w.connections} ${w.events.length} ${w.end}`));
  console.log(store.tasks.length, store.effectsLeft);
  return 0;
}
