import { OutriderError } from '@outrider/shared/errors.ts';
import type { Timers } from '../dispatch/ports.ts';
import type { Logger } from '../logger.ts';
import type { Clock, Randomness } from '../ports.ts';
import type { DeliveryRow, Post, WebhookRow, WebhookStore } from './ports.ts';
import { signedHeaders } from './signature.ts';
import type { WebhookTimings } from './timings.ts';
import { verdictOf } from './verdict.ts';

export interface SenderDependencies {
  readonly store: WebhookStore;
  readonly clock: Clock;
  readonly randomness: Randomness;
  readonly timers: Timers;
  readonly logger: Logger;
  readonly post: Post;
  readonly timings: WebhookTimings;
  readonly version: string;
}

/**
 * Sends what is due, at least once: an attempt is noted after it was made, and what a crash kept from being noted is sent
 * again under the same id. Each receiver gets one message at a time, so that a slow one holds up only itself.
 */
export interface Sender {
  start(): void;
  /** Looks at once for what is due. */
  wake(): void;
  /** Breaks off what is being sent: it is sent again after the next start. */
  stop(): Promise<void>;
}

/** Receivers that are sent to at the same time. */
const MAX_BUSY = 32;
/** Old deliveries that are deleted at a time. */
const FORGET_PAGE = 1_000;

export function createSender(dependencies: SenderDependencies): Sender {
  const sender = new WebhookSender(dependencies);
  return { start: () => sender.arm(0), wake: () => sender.arm(0), stop: () => sender.stop() };
}

class WebhookSender {
  readonly #given: SenderDependencies;
  readonly #busy = new Map<string, Promise<void>>();
  readonly #stopped = new AbortController();
  #cancelTimer: () => void = () => undefined;
  #looking: Promise<void> | undefined;
  #again = false;
  #forgetAtMs = Number.NEGATIVE_INFINITY;

  constructor(given: SenderDependencies) {
    this.#given = given;
  }

  arm(milliseconds: number): void {
    this.#cancelTimer();
    if (this.#stopped.signal.aborted) return;
    this.#cancelTimer = this.#given.timers.after(milliseconds, () => this.#tick());
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#cancelTimer();
    await this.#looking;
    await Promise.all(this.#busy.values());
  }

  #tick(): void {
    if (this.#looking !== undefined) {
      this.#again = true;
      return;
    }
    this.#looking = this.#look()
      .catch((thrown: unknown) => this.#complain('Webhooks wait: what is due cannot be read', thrown))
      .finally(() => {
        this.#looking = undefined;
        this.arm(this.#again ? 0 : this.#given.timings.tickMs);
        this.#again = false;
      });
  }

  async #look(): Promise<void> {
    const { store, clock, timings } = this.#given;
    const nowMs = clock.now();
    await this.#forget(nowMs);
    const room = MAX_BUSY - this.#busy.size;
    if (room <= 0) return;
    const due = await store.claimDeliveries(nowMs, nowMs + timings.claimMs, [...this.#busy.keys()], room);
    for (const delivery of due) {
      if (this.#stopped.signal.aborted) return;
      const { webhookId } = delivery;
      const sent = this.#send(delivery)
        .catch((thrown: unknown) => this.#complain(`Delivery ${delivery.id} is tried again`, thrown))
        .finally(() => {
          this.#busy.delete(webhookId);
          this.arm(0);
        });
      this.#busy.set(webhookId, sent);
    }
  }

  async #send(delivery: DeliveryRow): Promise<void> {
    const { store, clock, randomness, post, timings, version } = this.#given;
    const webhook = await store.getWebhook(delivery.webhookId);
    if (webhook === undefined) return;
    const atMs = clock.now();
    if (webhook.disabled !== null) {
      const attempt = { atMs, milliseconds: 0, status: null, because: 'the webhook is switched off' };
      await store.noteAttempt(delivery.id, attempt, { state: 'failed', nextAttemptMs: null });
      return;
    }
    const outcome = await post({
      url: webhook.url,
      headers: {
        'content-type': 'application/json',
        'user-agent': `Outrider/${version}`,
        ...signedHeaders(webhook, delivery, atMs),
      },
      body: delivery.payload,
      timeoutMs: timings.attemptMs,
      signal: this.#stopped.signal,
    });
    if (this.#stopped.signal.aborted && outcome.kind === 'failed') return;
    const endMs = clock.now();
    const chance = (randomness.bytes(1)[0] ?? 0) / 256;
    const { state, nextAttemptMs, status, because, gone } = verdictOf(outcome, delivery.tries, endMs, chance, timings);
    const attempt = { atMs, milliseconds: Math.max(endMs - atMs, 0), status, because };
    await store.noteAttempt(delivery.id, attempt, { state, nextAttemptMs });
    if (gone) await store.changeWebhook(webhook.id, { disabled: { atMs: endMs, because: 'it answered 410 Gone' } });
    this.#tell(webhook, delivery, state, because);
  }

  #tell(webhook: WebhookRow, delivery: DeliveryRow, state: DeliveryRow['state'], because: string | null): void {
    const fields = { webhook: webhook.id, delivery: delivery.id, event: delivery.type, tries: delivery.tries + 1 };
    if (state === 'failed') this.#given.logger.warn({ ...fields, because }, 'A webhook was given up');
    else this.#given.logger.debug({ ...fields, because }, 'A webhook was sent');
  }

  async #forget(nowMs: number): Promise<void> {
    const { store, timings } = this.#given;
    if (nowMs < this.#forgetAtMs) return;
    const gone = await store.forgetDeliveries(nowMs - timings.keptMs, FORGET_PAGE);
    this.#forgetAtMs = gone < FORGET_PAGE ? nowMs + timings.forgetEveryMs : nowMs;
  }

  #complain(what: string, thrown: unknown): void {
    if (this.#stopped.signal.aborted) return;
    const error = OutriderError.from(thrown);
    this.#given.logger.warn({ code: error.code }, `${what}: ${error.message}`);
  }
}
