import { hashOf, Random } from './random.ts';

/** Events in one lane that fall due at the same moment keep their order; others of that moment come in any (seeded) order. */
export class Lane {
  /** Nothing in a lane that is `ordered` overtakes what was put into it before. */
  readonly ordered: boolean;
  /** The latest moment that anything in it was put to. */
  last = 0;
  /** Drawn when the lane is first used. */
  seed: number | undefined;

  constructor(options: { readonly ordered?: boolean } = {}) {
    this.ordered = options.ordered ?? false;
  }
}

export interface SchedulerOptions {
  readonly seed: number | string;
  /** Milliseconds since 1970; default 2026-01-01T00:00:00Z. */
  readonly startMs?: number;
  /** Keeps every event and note as a line of text; without it only their digest. Default false. */
  readonly record?: boolean;
  /** Events altogether; a history that needs more has run away. Default 200,000. */
  readonly maxEvents?: number;
}

export interface RunLimits {
  /** Asked after each event: true ends the run. */
  readonly until?: () => boolean;
  /** The run ends before the first event after this moment, and the clock then shows it. */
  readonly untilMs?: number;
  /** Events of this run. */
  readonly maxEvents?: number;
}

/**
 * `condition`: `until` became true. `time`: `untilMs` was reached. `idle`: nothing is left that could happen. `events`: a limit
 * on events was reached, which is never an answer but a defect of what runs.
 */
export type RunEnd = 'condition' | 'time' | 'idle' | 'events';

interface Entry {
  readonly at: number;
  readonly tie: number;
  readonly sequence: number;
  readonly label: string;
  /** Undefined: it was prevented. */
  run: (() => void) | undefined;
}

const START_MS = Date.UTC(2026, 0, 1);
const MAX_EVENTS = 200_000;
/** The process's own event loop gets a turn after so many events: signals and messages to the process want one. */
const EVENTS_PER_TURN = 1_000;

/**
 * Virtual time and the order of everything. One event at a time: it runs, then every promise that it settled, until nothing is
 * left to do; then the clock moves to the next event. No real time passes, and the seed alone decides what is not decided
 * by time: events of one moment come in seeded order, unless they share a lane.
 *
 * It is itself a `Timers` and a `Clock` that nothing freezes; what belongs to a host goes through its HostClock.
 */
export class Scheduler {
  /** Whole milliseconds since 1970: the true time, which no host sees. */
  #now: number;
  readonly random: Random;
  readonly #ties: Random;
  readonly #heap: Entry[] = [];
  readonly #trace: string[] | undefined;
  readonly #maxEvents: number;
  #digest = 0x811c9dc5;
  #sequence = 0;
  #events = 0;

  constructor(options: SchedulerOptions) {
    this.#now = options.startMs ?? START_MS;
    this.random = new Random(options.seed);
    this.#ties = this.random.fork('ties');
    this.#trace = options.record === true ? [] : undefined;
    this.#maxEvents = options.maxEvents ?? MAX_EVENTS;
  }

  now(): number {
    return this.#now;
  }

  /** Events that happened. */
  get events(): number {
    return this.#events;
  }

  /** Of every event and note so far: equal for equal histories. */
  get digest(): string {
    return `${this.#events}-${this.#digest.toString(16).padStart(8, '0')}`;
  }

  /** Every event and note, if they are recorded. */
  get trace(): readonly string[] {
    return this.#trace ?? [];
  }

  /** Runs once after the time (fractions of milliseconds are rounded); answers how to prevent it. */
  after(milliseconds: number, run: () => void, label = 'timer', lane?: Lane): () => void {
    const wait = Number.isFinite(milliseconds) ? Math.max(0, Math.round(milliseconds)) : 0;
    this.#sequence += 1;
    const { at, tie } = this.#place(this.#now + wait, lane);
    const entry: Entry = { at, tie, sequence: this.#sequence, label, run };
    push(this.#heap, entry);
    return () => {
      entry.run = undefined;
    };
  }

  /** Puts a line into the trace and its digest: what was logged, stored, changed. */
  note(text: string): void {
    this.#digest = hashOf(text, this.#digest);
    this.#trace?.push(`${stamp(this.#now)}   ${text}`);
  }

  /** What is yet to come, soonest first: for reading when a history does not end. */
  pending(limit = 50): string[] {
    return this.#heap
      .filter((entry) => entry.run !== undefined)
      .toSorted(compare)
      .slice(0, limit)
      .map((entry) => `${stamp(entry.at)} ${entry.label}`);
  }

  /** Lets events happen until a limit is reached. What an event throws ends the run and is thrown here. */
  async run(limits: RunLimits = {}): Promise<RunEnd> {
    const lastEvent = Math.min(this.#maxEvents, this.#events + (limits.maxEvents ?? Number.POSITIVE_INFINITY));
    await settled();
    for (;;) {
      if (limits.until?.() === true) return 'condition';
      const next = this.#next();
      if (next === undefined || next.at > (limits.untilMs ?? Number.POSITIVE_INFINITY)) {
        if (limits.untilMs === undefined) return 'idle';
        this.#now = Math.max(this.#now, limits.untilMs);
        return 'time';
      }
      if (this.#events >= lastEvent) return 'events';
      this.#happen(next);
      await settled();
      if (this.#events % EVENTS_PER_TURN === 0) await new Promise(setImmediate);
    }
  }

  #happen(entry: Entry): void {
    pop(this.#heap);
    this.#now = entry.at;
    this.#events += 1;
    this.#digest = hashOf(entry.label, this.#digest ^ entry.at);
    this.#trace?.push(`${stamp(entry.at)} ${entry.label}`);
    const { run } = entry;
    entry.run = undefined;
    run?.();
  }

  #next(): Entry | undefined {
    while (this.#heap[0] !== undefined && this.#heap[0].run === undefined) pop(this.#heap);
    return this.#heap[0];
  }

  #place(at: number, lane: Lane | undefined): { at: number; tie: number } {
    if (lane === undefined) return { at, tie: this.#ties.bits() };
    lane.seed ??= this.#ties.bits();
    const place = lane.ordered ? Math.max(at, lane.last) : at;
    lane.last = Math.max(lane.last, place);
    // The same for all of one lane and moment, and as good as drawn.
    return { at: place, tie: Math.imul((lane.seed ^ place) >>> 0, 0x9e3779b1) >>> 0 };
  }
}

/** Resolves when no promise is left to be settled: Node runs its ticks only once the microtasks are all done. */
async function settled(): Promise<void> {
  await new Promise<void>((resolve) => {
    process.nextTick(resolve);
  });
}

function stamp(at: number): string {
  return new Date(at).toISOString().slice(11, 23);
}

function compare(one: Entry, other: Entry): number {
  return one.at - other.at || one.tie - other.tie || one.sequence - other.sequence;
}

function push(heap: Entry[], entry: Entry): void {
  let index = heap.length;
  heap.push(entry);
  while (index > 0) {
    const above = (index - 1) >> 1;
    const parent = heap[above];
    if (parent === undefined || compare(parent, entry) <= 0) break;
    heap[index] = parent;
    index = above;
  }
  heap[index] = entry;
}

function pop(heap: Entry[]): void {
  const last = heap.pop();
  const { length } = heap;
  if (last === undefined || length === 0) return;
  let index = 0;
  for (;;) {
    const left = heap[2 * index + 1];
    const right = heap[2 * index + 2];
    const goesRight = left !== undefined && right !== undefined && compare(right, left) < 0;
    const child = goesRight ? right : left;
    if (child === undefined || compare(last, child) <= 0) break;
    heap[index] = child;
    index = 2 * index + (goesRight ? 2 : 1);
  }
  heap[index] = last;
}
