import type { ExecutionId } from '@outrider/shared/ids.ts';
import type { Json } from '@outrider/shared/json.ts';

/** What starts workflows without a person: a caller with a token, or the clock. */

export interface TriggerRef {
  readonly application: string;
  readonly name: string;
}
export interface TriggerRow extends TriggerRef {
  /** Made once, part of its token. */
  readonly id: string;
  readonly workflow: string;
  readonly when: TriggerWhen;
  /** What every run of it gets; a caller cannot give these another value. */
  readonly artifacts: Readonly<Record<string, string>>;
  readonly variables: Readonly<Record<string, Json>>;
  readonly enabled: boolean;
  readonly changedAtMs: number;
  readonly changedBy: string;
  /** The API key that stands for it; null: made where no keys are asked for. */
  readonly keyId: string | null;
  /** SHA-256 of the token that callers present, hex. Null: there is none. */
  readonly tokenSha256: string | null;
  /** When the clock starts it next; null: it does not. */
  readonly nextAtMs: number | null;
  /** The newest FIRINGS_KEPT, oldest first. */
  readonly firings: readonly Firing[];
}
export type TriggerWhen =
  | { readonly kind: 'webhook' }
  /** Five fields of cron, in a time zone of the IANA database. */
  | { readonly kind: 'schedule'; readonly cron: string; readonly timeZone: string };

export interface Firing {
  readonly atMs: number;
  /** `missed`: nobody was there at its time. */
  readonly outcome: 'started' | 'refused' | 'missed';
  readonly executionId: ExecutionId | null;
  readonly because: string | null;
}
export const FIRINGS_KEPT = 20;

export type TriggerChange = Partial<Omit<TriggerRow, 'id' | 'application' | 'name' | 'firings'>>;

export interface TriggerStore {
  createTrigger(row: TriggerRow): Promise<'ok' | 'exists'>;
  getTrigger(ref: TriggerRef): Promise<TriggerRow | undefined>;
  findTrigger(id: string): Promise<TriggerRow | undefined>;
  /** By application and name. */
  listTriggers(application?: string): Promise<readonly TriggerRow[]>;
  /** What is not given stays. Undefined: there is none. */
  changeTrigger(ref: TriggerRef, change: TriggerChange): Promise<TriggerRow | undefined>;
  deleteTrigger(ref: TriggerRef): Promise<boolean>;
  /** Those whose time has come, the longest due first. */
  dueTriggers(nowMs: number, limit: number): Promise<readonly TriggerRow[]>;
  /**
   * Notes what came of a firing. `advance`: only if it was due at `fromMs` still, and it is due at `toMs` then. False: it is gone
   * or was changed meanwhile.
   */
  noteFiring(
    id: string,
    firing: Firing,
    advance?: { readonly fromMs: number; readonly toMs: number | null },
  ): Promise<boolean>;
}
