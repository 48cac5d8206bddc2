import { OutriderError } from '@outrider/shared/errors.ts';
import { SEEN_SAVED_MS } from '@outrider/shared/protocol/timings.ts';
import { createContext, type DispatchContext } from './context.ts';
import { greet } from './greeting.ts';
import { takeMessage } from './intake.ts';
import { takeLog } from './log-intake.ts';
import { runPass } from './pass.ts';
import type { DelegateSession, Dispatcher, DispatcherDependencies } from './ports.ts';
import type { Session } from './registry.ts';
import { endForCredential } from './session-credentials.ts';

/** See Dispatcher. Nothing runs before `start()`. */
export function createDispatcher(dependencies: DispatcherDependencies): Dispatcher {
  const loop = new Loop(dependencies);
  const { context } = loop;
  const { registry } = context;
  return {
    start: () => loop.start(),
    drain: (reconnectAfterMs, reason) => loop.drain(reconnectAfterMs, reason),
    stop: () => loop.stop(),
    async open(peer, hello, link) {
      if (!loop.welcoming)
        return { kind: 'refused', code: 'not-allowed-now', because: 'the control plane is shutting down' };
      const greeting = await greet(context, peer, hello, link);
      if (greeting.kind === 'refused') return greeting;
      context.kick();
      return { kind: 'ok', session: delegateSession(context, greeting.session) };
    },
    openLogs(peer, sessionId) {
      const session = registry.byId(sessionId);
      if (session === undefined) return undefined;
      if (peer.delegateName !== null && peer.delegateName !== session.delegate) return undefined;
      return {
        async receive(message) {
          // A stream of logs may outlive its session by a moment; its words do not.
          if (registry.byId(sessionId) === undefined) throw sessionOver();
          return await takeLog(context, session, message);
        },
      };
    },
    fleet: () => registry.views(context.notes.busy),
    progressOf: (taskId) => context.progress.of(taskId),
    onProgress: (listener) => context.progress.listen(listener),
    onLogAppended: (listener) => context.logAppended.add(listener),
    holdBack(delegateName, heldBack) {
      const known = registry.holdBack(delegateName, heldBack);
      context.kick();
      return known;
    },
    disconnect(delegateName, reason) {
      const sessions = registry.of(delegateName);
      for (const session of sessions) end(context, session, reason);
      return sessions.length;
    },
    async removeDelegate(delegateName) {
      const revoked = await context.store.revokeCredentials(delegateName, context.clock.now());
      for (const session of registry.of(delegateName)) {
        endForCredential(context, session, 'the delegate was removed');
      }
      const removed = await context.store.removeDelegate(delegateName);
      context.kick();
      return registry.forget(delegateName) || removed || revoked > 0 ? 'ok' : 'unknown';
    },
    async lockChanged(delegateName) {
      const row = await context.store.getDelegate(delegateName);
      if (row === undefined) return;
      registry.learn(row);
      if (row.lock === null) return;
      const because = 'the delegate is locked until an operator unlocks it';
      for (const session of registry.of(delegateName)) endForCredential(context, session, because);
    },
  };
}

function delegateSession(context: DispatchContext, session: Session): DelegateSession {
  return {
    id: session.id,
    async receive(message) {
      // Whoever was shown the door says nothing more.
      if (context.registry.byId(session.id) === undefined) return;
      try {
        await takeMessage(context, session, message);
        await saveSeen(context, session);
      } catch (thrown) {
        // Whether it was done is not known. The delegate comes back and asks: every message may be sent again.
        const error = OutriderError.from(thrown);
        context.logger.error({ err: error, delegate: session.delegate, message: message.kind }, 'A message failed');
        end(context, session, 'the control plane could not deal with a message');
      }
    },
    closed() {
      if (context.registry.byId(session.id) !== undefined) {
        context.logger.info(
          { delegate: session.delegate, instanceId: session.instanceId },
          'A delegate has disconnected',
        );
      }
      context.registry.remove(session);
      context.kick();
    },
  };
}

function sessionOver(): OutriderError {
  return new OutriderError('not-allowed-now', 'The session is over');
}

function end(context: DispatchContext, session: Session, reason: string): void {
  context.registry.remove(session);
  session.link.close(reason);
}

async function saveSeen(context: DispatchContext, session: Session): Promise<void> {
  const now = context.clock.now();
  if (now - session.lastSavedMs < SEEN_SAVED_MS) return;
  session.lastSavedMs = now;
  const { delegate: name, tags, version, region, stepTypes } = session;
  await context.store.seeDelegate({ name, tags, version, region, stepTypes, lastSeenMs: now });
}

/** Looks at the tasks once a tick and at once when kicked; one look at a time, and one more if kicked meanwhile. */
class Loop {
  readonly context: DispatchContext;
  /** Delegates are greeted and work is offered. */
  welcoming = false;
  #open = false;
  #running: Promise<void> | undefined;
  #again = false;
  #cancelTimer: () => void = () => {};
  #stopListening: () => void = () => {};

  constructor(dependencies: DispatcherDependencies) {
    this.context = createContext(dependencies, () => this.#kick());
  }

  async start(): Promise<void> {
    const { store, engine, clock, registry: sessions, timings, logger } = this.context;
    for (const row of await store.listDelegates()) sessions.learn(row);
    const extended = await store.extendAllLeases(clock.now() + timings.leaseExtensionAfterStartMs);
    if (extended > 0) logger.info({ extended }, 'Running steps keep their delegates after the start');
    this.#stopListening = engine.onTasksChanged(() => this.#kick());
    this.#open = true;
    this.welcoming = true;
    this.#kick();
  }

  drain(reconnectAfterMs: number, reason: string): void {
    this.welcoming = false;
    for (const session of this.context.registry.all()) session.link.send({ kind: 'drain', reconnectAfterMs, reason });
  }

  async stop(): Promise<void> {
    this.#open = false;
    this.welcoming = false;
    this.#stopListening();
    this.#cancelTimer();
    for (const session of this.context.registry.all()) end(this.context, session, 'the control plane is shutting down');
    await this.#running;
    await this.context.locks.idle();
  }

  #kick(): void {
    if (!this.#open) return;
    this.#again = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      this.#arm();
    });
  }

  async #run(): Promise<void> {
    // Other kicks of this moment join in.
    await Promise.resolve();
    while (this.#again && this.#open) {
      this.#again = false;
      try {
        await runPass(this.context, this.welcoming);
      } catch (thrown) {
        this.context.logger.error({ err: thrown }, 'Looking for due work failed; it is tried again');
        return;
      }
    }
  }

  #arm(): void {
    this.#cancelTimer();
    if (this.#open) this.#cancelTimer = this.context.timers.after(this.context.timings.tickMs, () => this.#kick());
  }
}
