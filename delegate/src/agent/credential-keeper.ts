import { OutriderError } from '@outrider/shared/errors.ts';
import { formatCredential, parseCredential } from '@outrider/shared/protocol/join-token.ts';
import { METHOD_SINCE } from '@outrider/shared/protocol/service.ts';
import { CREDENTIAL_LOOK_MS, CREDENTIAL_RETRY_MS } from '@outrider/shared/protocol/timings.ts';
import type { ConnectionAccess } from './connection.ts';
import { type Credential, type NextGeneration, renewalTime } from './credential-file.ts';
import type { Timers } from './instant.ts';
import type { Logger } from './logger.ts';
import type { RenewAnswer } from './renew.ts';

export interface KeeperOptions {
  readonly credential: Credential;
  /** On the disk when it returns. Throws when it cannot be written. */
  readonly store: (credential: Credential) => void;
  readonly askToRenew: (caCertificatePem: string, bearer: string, nextBearer: string) => Promise<RenewAnswer>;
  /** Another credential for the join token; undefined: there is none to be had. */
  readonly rejoin: () => Promise<Credential | undefined>;
  readonly now: () => number;
  readonly timers: Timers;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** 32 random bytes, base64url. */
  readonly newSecret: () => string;
  readonly logger: Logger;
}

/**
 * What the delegate shows at the door, and how that goes on.
 *
 * The next secret is on the disk before the control plane is asked for it, and the same one is asked for until there is an
 * answer. So whatever is lost, what the control plane holds for the newest is among what is tried: the next one first, as
 * an older one that comes back would be taken for a copy.
 */
export class CredentialKeeper {
  readonly #options: KeeperOptions;
  #credential: Credential;
  /** What the present session began with, or its renewal; undefined: there is no session. */
  #inSession: string | undefined;
  #lastShown = '';
  /** Turned away since the last welcome. */
  readonly #refused = new Set<string>();
  /** How often all that there is was turned away. */
  #rounds = 0;
  #cancelTimer: () => void = () => {};
  #asking = false;
  #closed = false;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#credential = options.credential;
  }

  /** What to dial with, and to call with while the session lasts. */
  access(): ConnectionAccess {
    const { caCertificatePem } = this.#credential;
    const candidates = this.#candidates();
    const bearer =
      this.#inSession ??
      candidates.find((each) => !this.#refused.has(each)) ??
      candidates[0] ??
      this.#credential.bearer;
    this.#lastShown = bearer;
    return { caCertificatePem, bearer };
  }

  /** The control plane has let in what was shown last. `protocol`: what both speak. */
  welcomed(protocol: number): void {
    const shown = this.#lastShown;
    this.#refused.clear();
    this.#rounds = 0;
    this.#inSession = shown;
    const { bearer, next, previous } = this.#credential;
    if (shown === next?.bearer) {
      // The renewal was done and its answer lost: it lasts as long as it would from when it was first asked for.
      this.#adopt(next, next.madeAtMs + next.lifeMs);
    } else if (shown === previous && shown !== bearer) {
      this.#options.logger.warn(
        {},
        'The control plane knows an older credential of this delegate only; it goes on with that',
      );
      this.#save({ ...this.#credential, bearer: previous, previous: null, next: null, renewAtMs: this.#options.now() });
    }
    this.#cancelTimer();
    if (protocol >= METHOD_SINCE.renew) this.#arm();
  }

  /** The session is over. */
  left(): void {
    this.#inSession = undefined;
    this.#cancelTimer();
  }

  /** What was shown last is not accepted. True: there is something else to show, at once. */
  async refused(): Promise<boolean> {
    this.#refused.add(this.#lastShown);
    if (this.#candidates().some((each) => !this.#refused.has(each))) return true;
    this.#refused.clear();
    // A renewal that was on its way may have been done while the one or the other was shown.
    this.#rounds += 1;
    if (this.#credential.next !== null && this.#rounds === 1) return true;
    this.#rounds = 0;
    const joined = await this.#options.rejoin();
    if (joined === undefined) return false;
    this.#credential = joined;
    return true;
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimer();
  }

  #candidates(): readonly string[] {
    const { bearer, next, previous } = this.#credential;
    return [next?.bearer, bearer, previous].filter((each) => typeof each === 'string');
  }

  /** A clock may jump and a machine sleep: it is looked at now and then. */
  #arm(): void {
    const { timers, now } = this.#options;
    this.#cancelTimer();
    if (this.#closed || this.#inSession === undefined) return;
    const waitMs = Math.min(Math.max(this.#credential.renewAtMs - now(), 0), CREDENTIAL_LOOK_MS);
    this.#cancelTimer = timers.after(waitMs, () => {
      if (now() >= this.#credential.renewAtMs) void this.#renew();
      else this.#arm();
    });
  }

  async #renew(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    const again = await this.#renewOnce();
    this.#asking = false;
    if (this.#closed || this.#inSession === undefined || again === 'with-next-session') return;
    if (again === 'when-due') return this.#arm();
    const waitMs = CREDENTIAL_RETRY_MS * (1 + this.#options.random() / 2);
    this.#cancelTimer();
    this.#cancelTimer = this.#options.timers.after(waitMs, () => void this.#renew());
  }

  async #renewOnce(): Promise<'when-due' | 'soon' | 'with-next-session'> {
    const { askToRenew, logger } = this.#options;
    const next = this.#credential.next ?? this.#makeNext();
    if (next === undefined) return 'soon';
    const { bearer, caCertificatePem } = this.#credential;
    const answer = await askToRenew(caCertificatePem, bearer, next.bearer);
    // Meanwhile it may have joined anew, or have been let in with the next one.
    if (this.#closed || this.#credential.bearer !== bearer) return 'when-due';
    switch (answer.kind) {
      case 'ok':
        this.#adopt(next, answer.expiresAtMs);
        if (this.#inSession === bearer) this.#inSession = next.bearer;
        logger.info({ generation: answer.generation }, 'The credential of this delegate was renewed');
        return 'when-due';
      case 'unreachable':
        logger.warn({ why: answer.why }, 'The credential could not be renewed; it is tried again');
        return 'soon';
      case 'refused':
        logger.error({ why: answer.why }, `The control plane does not renew the credential: ${answer.why}`);
        return 'soon';
      case 'unknown-method':
        return 'with-next-session';
    }
  }

  /** Undefined: it cannot be stored, so it must not be asked for. */
  #makeNext(): NextGeneration | undefined {
    const { now, newSecret, logger } = this.#options;
    const { bearer, expiresAtMs, renewAtMs } = this.#credential;
    const id = parseCredential(bearer)?.id ?? '';
    const next: NextGeneration = {
      bearer: formatCredential({ id, secret: newSecret() }),
      madeAtMs: now(),
      // It is renewed half way: what is left is at least as long as what has passed, give or take the jitter.
      lifeMs: Math.max(expiresAtMs - renewAtMs, 0),
    };
    try {
      this.#options.store({ ...this.#credential, next });
    } catch (thrown) {
      logger.error({ err: OutriderError.from(thrown) }, 'The next credential cannot be stored, so it is not asked for');
      return undefined;
    }
    this.#credential = { ...this.#credential, next };
    return next;
  }

  #adopt(next: NextGeneration, expiresAtMs: number): void {
    const { now, random } = this.#options;
    const { bearer, caCertificatePem } = this.#credential;
    const renewAtMs = renewalTime(now(), expiresAtMs, random());
    this.#save({ bearer: next.bearer, previous: bearer, next: null, expiresAtMs, renewAtMs, caCertificatePem });
  }

  /** What cannot be stored holds for this process; the next one finds its way with what is there: the next one is. */
  #save(credential: Credential): void {
    this.#credential = credential;
    try {
      this.#options.store(credential);
    } catch (thrown) {
      this.#options.logger.error({ err: OutriderError.from(thrown) }, 'The credential cannot be stored');
    }
  }
}
