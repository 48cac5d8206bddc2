import type { SentFailure } from './failures.ts';
import type { Reply, Request } from './group-commit.ts';
import type { StillFile } from './hot-copy.ts';

/** What the two threads say to each other. */
export interface WorkerStart {
  readonly path: string;
}
export type ToWorker =
  | { readonly kind: 'operation'; readonly request: Request }
  /** For a copy of the file: answered with `held` or `not-held`, and ended with `release`. */
  | { readonly kind: 'hold' }
  | { readonly kind: 'release' }
  | { readonly kind: 'close' };
export type FromWorker =
  | { readonly kind: 'opened' }
  | { readonly kind: 'not-opened'; readonly failure: SentFailure }
  | { readonly kind: 'replies'; readonly replies: readonly Reply[] }
  | { readonly kind: 'held'; readonly file: StillFile }
  | { readonly kind: 'not-held'; readonly failure: SentFailure }
  | { readonly kind: 'closed' };
