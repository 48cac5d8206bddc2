import type { SentFailure } from './failures.ts';
import type { Reply, Request } from './group-commit.ts';

/** What the two threads say to each other. */
export interface WorkerStart {
  readonly path: string;
}
export type ToWorker = { readonly kind: 'operation'; readonly request: Request } | { readonly kind: 'close' };
export type FromWorker =
  | { readonly kind: 'opened' }
  | { readonly kind: 'not-opened'; readonly failure: SentFailure }
  | { readonly kind: 'replies'; readonly replies: readonly Reply[] }
  | { readonly kind: 'closed' };
