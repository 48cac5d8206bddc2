import type { CallRecord } from '../control/call-log.ts';

/** `drop`: the connection breaks here, and the caller hears nothing of its call. */
export type Interception = 'go-on' | 'drop';

/**
 * Stands between callers and the simulated AWS, for tests that end a caller at an exact point. A call waits until the
 * promise resolves; others go on meanwhile. Neither of the two may reject.
 */
export interface CallInterceptor {
  /** The request has come; nothing was done for it. Dropped here it never has an effect. */
  arrived(call: Readonly<CallRecord>): Promise<Interception>;
  /** It was done or refused, as the record says; its answer has not left. Dropped here the answer is lost. */
  answered(call: Readonly<CallRecord>): Promise<Interception>;
}
