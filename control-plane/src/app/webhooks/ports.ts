import type { ExecutionId } from '@outrider/shared/ids.ts';

/** Receivers outside, and what each of them is told. */

export interface WebhookRow {
  readonly id: string;
  readonly url: string;
  /** Names of WEBHOOK_EVENTS. */
  readonly events: readonly string[];
  /** Null: executions of all applications. */
  readonly application: string | null;
  /** Newest first. All that are good sign; `untilMs` null: until it is rotated. In the clear, for signing needs it. */
  readonly secrets: readonly WebhookSecret[];
  /** Nothing is sent. */
  readonly disabled: { readonly atMs: number; readonly because: string } | null;
  readonly createdAtMs: number;
  readonly createdBy: string;
}
export interface WebhookSecret {
  /** `whsec_` and base64. */
  readonly secret: string;
  readonly untilMs: number | null;
}
export type WebhookChange = Partial<Pick<WebhookRow, 'url' | 'events' | 'application' | 'secrets' | 'disabled'>>;

export type DeliveryState = 'pending' | 'delivered' | 'failed';
export interface DeliveryRow {
  /** `msg_…`, the same for every attempt: receivers know by it what they have had. */
  readonly id: string;
  readonly webhookId: string;
  readonly type: string;
  readonly executionId: ExecutionId | null;
  /** The body, byte for byte. */
  readonly payload: string;
  readonly createdAtMs: number;
  readonly state: DeliveryState;
  /** Attempts since it was made or asked for again. */
  readonly tries: number;
  /** Null when it is not pending. While it is being sent: when another may be made if nobody tells how this one ended. */
  readonly nextAttemptMs: number | null;
  /** The newest DELIVERY_ATTEMPTS_KEPT, oldest first. */
  readonly attempts: readonly DeliveryAttempt[];
}
export interface DeliveryAttempt {
  readonly atMs: number;
  readonly milliseconds: number;
  /** Null: no answer came. */
  readonly status: number | null;
  /** Null: it was delivered. */
  readonly because: string | null;
}

/** Attempts that a delivery shows. */
export const DELIVERY_ATTEMPTS_KEPT = 20;

export interface WebhookStore {
  createWebhook(row: WebhookRow): Promise<void>;
  getWebhook(id: string): Promise<WebhookRow | undefined>;
  /** Oldest first. */
  listWebhooks(): Promise<readonly WebhookRow[]>;
  /** What is not given stays. Undefined: there is none. */
  changeWebhook(id: string, change: WebhookChange): Promise<WebhookRow | undefined>;
  /** With all of its deliveries. False: there is none. */
  deleteWebhook(id: string): Promise<boolean>;
  /** Those that are there already stay as they are; those of a webhook that is gone are passed over. */
  addDeliveries(rows: readonly DeliveryRow[]): Promise<void>;
  /**
   * Takes what is due, the oldest of each webhook and at most `limit`, but nothing of those that are `busy`. What was taken is
   * due again at `untilMs`, unless an attempt is noted before: so nothing is lost with the process that took it.
   */
  claimDeliveries(
    nowMs: number,
    untilMs: number,
    busy: readonly string[],
    limit: number,
  ): Promise<readonly DeliveryRow[]>;
  /** How an attempt ended, and what follows. False: it is gone. */
  noteAttempt(
    id: string,
    attempt: DeliveryAttempt,
    next: { readonly state: DeliveryState; readonly nextAttemptMs: number | null },
  ): Promise<boolean>;
  /** Begins anew with one that is there, however it ended. */
  redeliver(id: string, atMs: number): Promise<DeliveryRow | undefined>;
  getDelivery(id: string): Promise<DeliveryRow | undefined>;
  /** Newest first. `before` is the id of the last one of the page before. */
  listDeliveries(
    webhookId: string,
    options: { readonly before?: string; readonly limit: number },
  ): Promise<readonly DeliveryRow[]>;
  /** Deletes those that have ended and were made before, oldest first, at most `limit`; answers how many. */
  forgetDeliveries(beforeMs: number, limit: number): Promise<number>;
}

/** One request to a receiver. */
export interface PostRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}
export type PostOutcome =
  | { readonly kind: 'answered'; readonly status: number; readonly retryAfter: string | null }
  /** No answer: refused by us, unreachable, too late. */
  | { readonly kind: 'failed'; readonly because: string };
/** Sends, follows no redirect and keeps nothing of the answer's body. Never throws. */
export type Post = (request: PostRequest) => Promise<PostOutcome>;
