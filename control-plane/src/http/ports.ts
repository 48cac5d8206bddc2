import type { Place } from '@outrider/shared/errors.ts';
import type { Resource } from '@outrider/shared/model/resource.ts';
import type { Executions } from '../app/executions-port.ts';
import type { LogReader } from '../app/logs.ts';
import type { Clock, JoinTokenRow } from '../app/ports.ts';
import type { Resources } from '../app/resources-port.ts';
import type { ApiKeys } from '../auth/api-keys.ts';
import type { DelegateView } from '../domain/fleet/match.ts';

/** What the operator API offers over HTTP; it has no logic of its own. */
export interface HttpDependencies {
  readonly executions: Executions;
  readonly resources: Resources;
  readonly documents: DocumentReader;
  readonly logs: LogReader;
  readonly fleet: FleetView;
  readonly joinTokens: JoinTokens;
  readonly apiKeys: ApiKeys;
  readonly clock: Clock;
  /** After every change of an execution, in this process. Answers how to stop listening. */
  readonly onExecutionChanged: (listener: (executionId: string, seq: number) => void) => () => void;
  /** By name: what must be so for work to be done. A rejection says why it is not. */
  readonly readiness: Readonly<Record<string, () => Promise<void>>>;
  /** Prometheus text. */
  readonly metrics: () => Promise<string>;
  readonly version: string;
}

export interface FleetView {
  /** Every delegate that is known, connected or not. */
  list(): Promise<readonly DelegateView[]>;
}

/** Reads resources out of text. Throws `document-invalid` with every problem at its place, or `document-too-large`. */
export interface DocumentReader {
  read(files: readonly NamedText[], attachments: readonly NamedText[]): readonly ReadResource[];
}
export interface NamedText {
  readonly name: string;
  readonly text: string;
}
export interface ReadResource {
  readonly resource: Resource;
  readonly placeOf?: ((pointer: string) => Place | undefined) | undefined;
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
