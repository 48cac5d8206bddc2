import { createHash } from 'node:crypto';
import type { Logger } from '@outrider/control-plane/app/logger.ts';
import type {
  Acknowledgement,
  CommittedEvents,
  HolderSpan,
  LeaseGrant,
  LoggedError,
  MadeCheckpoint,
  MutationEntry,
  OperatorAnswer,
  ProducedLine,
  TraceEvent,
  WatchedEvent,
} from '../ports.ts';
import type { Scheduler } from '../scheduler.ts';
import type { PlantFailure, RolledBack, SecretLeak } from './record.ts';
import type { TraceKind } from './trace-kind.ts';

/** An entry of an evidence list without its time, which the recorder knows. */
type Untimed<Entry> = Entry extends unknown ? Omit<Entry, 'atMs'> : never;

/** Entries of one list that are kept; a history that has more has run away, and its trace says so. */
const ENTRIES_MAX = 100_000;

/** Writes down what happens, in order, at virtual times since the history began. */
export class Recorder {
  readonly trace: TraceEvent[] = [];
  readonly mutations: MutationEntry[] = [];
  readonly produced: ProducedLine[] = [];
  readonly holders: HolderSpan[] = [];
  readonly answers: OperatorAnswer[] = [];
  readonly watched: WatchedEvent[] = [];
  readonly acknowledgements: Acknowledgement[] = [];
  readonly grants: LeaseGrant[] = [];
  readonly checkpoints: MadeCheckpoint[] = [];
  readonly committed: CommittedEvents[] = [];
  readonly errors: LoggedError[] = [];
  readonly failures: PlantFailure[] = [];
  readonly leaks: SecretLeak[] = [];
  readonly rolledBack: RolledBack[] = [];
  readonly faultsInEffect = new Set<number>();
  /** Executions that have begun and not ended. */
  readonly openExecutions = new Set<string>();
  readonly #scheduler: Scheduler;
  readonly #beganAtMs: number;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
    this.#beganAtMs = scheduler.now();
  }

  /** Milliseconds since the history began. */
  get nowMs(): number {
    return this.#scheduler.now() - this.#beganAtMs;
  }

  note(kind: TraceKind, host: string, detail = ''): void {
    if (this.trace.length < ENTRIES_MAX) this.trace.push({ atMs: this.nowMs, kind, host, detail });
  }

  acknowledge(acknowledgement: Untimed<Acknowledgement>): void {
    this.acknowledgements.push({ atMs: this.nowMs, ...acknowledgement });
  }

  grant(grant: Untimed<LeaseGrant>): void {
    this.grants.push({ atMs: this.nowMs, ...grant });
  }

  commit(commit: Untimed<CommittedEvents>): void {
    this.committed.push({ atMs: this.nowMs, ...commit });
    for (const { event } of commit.events) {
      this.note(`event:${event.type}`, 'store', commit.executionId);
      if (event.type === 'execution-created') this.openExecutions.add(commit.executionId);
      if (event.type === 'execution-finished') this.openExecutions.delete(commit.executionId);
    }
  }

  /** An answer has come; it counts from when it was given. */
  answer(answer: OperatorAnswer): void {
    const { request, executionId } = answer;
    this.answers.push(answer);
    this.note('operator:answered', 'operator', `${request.kind} ${request.key}: ${executionId}`);
  }

  watch(event: WatchedEvent): void {
    this.watched.push(event);
  }

  fail(host: string, thrown: unknown): void {
    const what = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
    this.failures.push({ atMs: this.nowMs, host, what });
    this.note('process:failed', host, what);
  }

  leak(where: string, detail: string): void {
    this.leaks.push({ atMs: this.nowMs, where, detail });
  }

  /** The log of a process: what is an error is evidence, a warning is traced, the rest is of no interest here. */
  loggerOf(host: string): Logger {
    return {
      debug: () => {},
      info: () => {},
      warn: (_fields, message) => this.note('log:warn', host, message),
      error: (fields, message) => {
        this.errors.push({ atMs: this.nowMs, host, message, detail: textOf(fields) });
        this.note('log:error', host, message);
      },
    };
  }

  /** SHA-256 (hex) over everything traced, and over every event of the scheduler. */
  digest(): string {
    const hash = createHash('sha256').update(this.#scheduler.digest);
    for (const { atMs, kind, host, detail } of this.trace) hash.update(`\n${atMs} ${kind} ${host} ${detail}`);
    return hash.digest('hex');
  }
}

function textOf(fields: object): string {
  return Object.entries(fields)
    .map(([key, value]) => `${key}: ${value instanceof Error ? value.message : String(value)}`)
    .join(', ');
}
