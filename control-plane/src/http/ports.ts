import type { ServiceCounts } from '@outrider/shared/protocol/messages.ts';
import type { Backups } from '../app/backups.ts';
import type { Executions } from '../app/executions-port.ts';
import type { LogReader } from '../app/logs.ts';
import type { Clock, JoinTokenRow } from '../app/ports.ts';
import type { Resources } from '../app/resources-port.ts';
import type { Triggers } from '../app/triggers/triggers.ts';
import type { Webhooks } from '../app/webhooks/webhooks.ts';
import type { ApiKeys } from '../auth/api-keys.ts';
import type { DelegateView } from '../domain/fleet/match.ts';

/** What the operator API offers over HTTP; it has no logic of its own. */
export interface HttpDependencies {
  readonly executions: Executions;
  readonly resources: Resources;
  readonly logs: LogReader;
  readonly fleet: FleetView;
  readonly joinTokens: JoinTokens;
  readonly apiKeys: ApiKeys;
  readonly webhooks: Webhooks;
  readonly triggers: Triggers;
  readonly backups: Backups;
  readonly clock: Clock;
  /** After every change of an execution, in this process. Answers how to stop listening. */
  readonly onExecutionChanged: (listener: (executionId: string, seq: number) => void) => () => void;
  /** After a running step reported how many tasks its services run. */
  readonly onProgress: (
    listener: (executionId: string, stepId: string, services: readonly ServiceCounts[]) => void,
  ) => () => void;
  /** After lines of an attempt's log became durable. */
  readonly onLogAppended: (listener: (taskId: string) => void) => () => void;
  /** By name: what must be so for work to be done. A rejection says why it is not. */
  readonly readiness: Readonly<Record<string, () => Promise<void>>>;
  /** Prometheus text. */
  readonly metrics: () => Promise<string>;
  readonly version: string;
}

export interface FleetView {
  /** Every delegate that is known, connected or not. */
  list(): Promise<readonly DelegateView[]>;
  /** Revokes its credentials, ends its sessions and forgets it. False: there is no such delegate. */
  remove(name: string): Promise<boolean>;
  /** Lets it join again. False: it is not locked. */
  unlock(name: string, by: string): Promise<boolean>;
}

export type JoinTokenInfo = Omit<JoinTokenRow, 'secretSha256'>;
export interface JoinTokens {
  /** The token's text is answered once. */
  create(
    wish: { readonly delegateName: string | null; readonly uses: number | null; readonly expiresAtMs: number },
    by: string,
  ): Promise<{ readonly info: JoinTokenInfo; readonly token: string }>;
  list(): Promise<readonly JoinTokenInfo[]>;
  /** False: there is no such token. */
  revoke(id: string): Promise<boolean>;
}
