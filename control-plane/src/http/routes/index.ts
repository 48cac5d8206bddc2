import type { HttpDependencies } from '../ports.ts';
import type { Route } from '../route.ts';
import { backupRoutes } from './backup.ts';
import { documentRoutes } from './documents.ts';
import { executionRoutes } from './executions.ts';
import { fleetRoutes } from './fleet.ts';
import { keyRoutes } from './keys.ts';
import { liveRoutes } from './live.ts';
import { metaRoutes } from './meta.ts';
import { pageRoutes } from './page.ts';
import { resourceRoutes } from './resources.ts';
import { triggerRoutes } from './triggers.ts';
import { webhookRoutes } from './webhooks.ts';

/** Every route there is. A new one is a line in its file; server, /openapi.json and the tests of bad input follow it. */
export function allRoutes(dependencies: HttpDependencies): Route[] {
  const described = [
    ...resourceRoutes(dependencies),
    ...documentRoutes(dependencies),
    ...executionRoutes(dependencies),
    ...liveRoutes(dependencies),
    ...fleetRoutes(dependencies),
    ...keyRoutes(dependencies),
    ...triggerRoutes(dependencies),
    ...webhookRoutes(dependencies),
    ...backupRoutes(dependencies),
  ];
  return [...described, ...metaRoutes(dependencies, described), ...pageRoutes()];
}
