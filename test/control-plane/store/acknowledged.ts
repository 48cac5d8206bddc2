import type { TaskState } from '@outrider/control-plane/app/ports.ts';
import type { Operations } from '@outrider/control-plane/store/operations.ts';
import { closeDatabase, openDatabase } from '@outrider/control-plane/store/sqlite/open-database.ts';
import { sqliteOperations } from '@outrider/control-plane/store/sqlite/operations.ts';

/** What a process was told by its store before it went down: the lines of kill-child.ts. */
export class Acknowledged {
  readonly #events = new Map<string, number>();
  readonly #settings = new Set<string>();
  readonly #logs = new Map<string, number>();
  readonly #tasks = new Map<string, { readonly epoch: number; readonly stage: number; readonly sequence: number }>();
  /** Lines that were noted. */
  count = 0;

  note(line: string): void {
    this.count += 1;
    const [kind, id = '', ...values] = line.split(' ');
    const [first = 0, second = 0, third = 0] = values.map(Number);
    if (kind === 'setting') this.#settings.add(id);
    else if (kind === 'event') this.#events.set(id, first);
    else if (kind === 'log') this.#logs.set(id, first);
    else if (kind === 'task') this.#tasks.set(id, { epoch: first, stage: second, sequence: third });
    else throw new Error(`nothing is known of ${line}`);
  }

  /** Each kind was acknowledged at least once: otherwise the audit says little. */
  get isVaried(): boolean {
    return [this.#events, this.#settings, this.#logs, this.#tasks].every(({ size }) => size > 0);
  }

  /** Opens the store as the next process does, and says what is missing or broken; nothing: all is there. */
  audit(path: string): string[] {
    const database = openDatabase(path);
    try {
      const findings = database.all('PRAGMA integrity_check(5)').map((row) => row.text('integrity_check'));
      const broken = findings.length === 1 && findings[0] === 'ok' ? [] : findings;
      const operations = sqliteOperations(database);
      return [
        ...broken,
        ...this.#missingEvents(operations),
        ...this.#missingTasks(operations),
        ...this.#missing(operations),
      ];
    } finally {
      closeDatabase(database);
    }
  }

  *#missingEvents(store: Operations): Iterable<string> {
    for (const [id, seq] of this.#events) {
      const events = store.readEvents(id, 0, 10_000);
      if (events.length < seq) yield `${id}: ${seq} events were acknowledged, ${events.length} are there`;
      const verdict = store.verifyHistory(id);
      if (verdict.kind === 'broken') yield `${id}: the chain breaks at event ${verdict.seq}`;
    }
  }

  *#missingTasks(store: Operations): Iterable<string> {
    for (const [id, { epoch, stage, sequence }] of this.#tasks) {
      const row = store.getTask(id);
      if (row === undefined || row.epoch < epoch) {
        yield `${id}: epoch ${epoch} was given, ${row?.epoch ?? 'nothing'} is there`;
      } else if (row.epoch === epoch && stageOf(row.state) < stage) {
        yield `${id}: stage ${stage} of epoch ${epoch} was acknowledged, it is ${row.state}`;
      } else if (row.checkpointSequence < sequence || Number(row.facts['sequence'] ?? 0) !== row.checkpointSequence) {
        yield `${id}: checkpoint ${sequence} was acknowledged, ${row.checkpointSequence} is there`;
      }
    }
  }

  *#missing(store: Operations): Iterable<string> {
    for (const key of this.#settings) if (store.getSetting(key) === undefined) yield `the setting ${key} is gone`;
    for (const [id, offset] of this.#logs) {
      const { bytes } = store.logDigest(id);
      if (bytes < offset) yield `${id}: ${offset} bytes were acknowledged, ${bytes} are there`;
      if (store.getTask(id)?.logBytes !== bytes) yield `${id}: the log is not as long as its task says`;
    }
  }
}

/** How far a task of kill-child.ts is within one epoch: offered, leased, released or ended. */
export function stageOf(state: TaskState): number {
  return { offered: 1, leased: 2, queued: 3, ended: 3 }[state];
}
