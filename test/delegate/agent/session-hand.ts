import type { Instant } from '@outrider/delegate/agent/instant.ts';
import type { JournalRecord } from '@outrider/delegate/agent/journal-format.ts';
import { foldJournal } from '@outrider/delegate/agent/journal-state.ts';
import { reduce } from '@outrider/delegate/agent/session.ts';
import {
  type DelegateIdentity,
  initialState,
  type SessionInput,
  type SessionOutput,
  type SessionState,
} from '@outrider/delegate/agent/session-state.ts';
import type { Directive, ServerMessage, TaskRef } from '@outrider/shared/protocol/messages.ts';

const IDENTITY: DelegateIdentity = {
  delegateName: 'one',
  instanceId: 'i1',
  version: '1',
  tags: [],
  stepTypes: ['ecs-steady-state-check', 'shell'],
  slots: 2,
  region: '',
  repeatableTypes: ['ecs-steady-state-check'],
};
export const LOG = { from: 0, end: 10, sha256: 'abc' };
export const T1 = { taskId: 't1', epoch: 1 };
export const at = (ms: number): Instant => ({ monotonicMs: ms, wallMs: 1_000_000 + ms });

/** A session in a test's hands: what it does is kept, oldest first. */
export class Session {
  state: SessionState;
  outputs: SessionOutput[] = [];
  #now = 0;

  constructor(records: readonly JournalRecord[] = [], identity: Partial<DelegateIdentity> = {}) {
    this.state = initialState({ ...IDENTITY, ...identity }, foldJournal(records));
  }

  input(input: SessionInput): readonly SessionOutput[] {
    const { state, outputs } = reduce(this.state, input);
    this.state = state;
    this.outputs.push(...outputs);
    return outputs;
  }

  pass(ms: number): this {
    this.#now += ms;
    return this;
  }

  get at(): Instant {
    return at(this.#now);
  }

  receive(message: ServerMessage, mayTakeWork = true): readonly SessionOutput[] {
    return this.input({ kind: 'received', message, at: this.at, mayTakeWork });
  }

  connect(directives: readonly Directive[] = []): readonly SessionOutput[] {
    this.input({ kind: 'connected', logEnds: new Map() });
    return this.receive({
      kind: 'welcome',
      sessionId: 's',
      protocol: 1,
      leaseTtlMs: 30_000,
      heartbeatMs: 10_000,
      serverTimeMs: 1_000_000,
      directives,
    });
  }

  offer(
    ref: TaskRef = T1,
    type = 'ecs-steady-state-check',
    serverTimeMs: number | null = null,
  ): readonly SessionOutput[] {
    return this.receive({
      kind: 'offer',
      ...ref,
      task: { type },
      deadlineMs: 2_000_000,
      facts: { given: true },
      logOffset: 5,
      acceptWithinMs: 10_000,
      checkpointSequence: 3,
      serverTimeMs,
    });
  }

  /** Offer, lease: the work runs. */
  run(ref: TaskRef = T1, type?: string): readonly SessionOutput[] {
    this.offer(ref, type);
    return this.receive({ kind: 'lease', ...ref, ttlMs: 30_000 });
  }
}

export const kinds = (outputs: readonly SessionOutput[]) =>
  outputs
    .filter((output) => output.kind !== 'note')
    .map((output) => (output.kind === 'send' ? `send ${output.message.kind}` : output.kind));
export const sent = (outputs: readonly SessionOutput[]) =>
  outputs.flatMap((output) => (output.kind === 'send' ? [output.message] : []));
export const succeed = (output = {}): Extract<SessionInput, { kind: 'work-ended' }>['end'] => ({
  kind: 'outcome',
  outcome: { outcome: 'succeeded', output },
});
export const directive = (action: Directive['action'], ref: TaskRef = T1, logOffset = 7): Directive => ({
  ...ref,
  action,
  logOffset,
});
