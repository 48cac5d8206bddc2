import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { open as openFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import { Journal, type JournalOptions } from '@outrider/delegate/agent/journal.ts';
import { encodeRecord, type JournalRecord, parseJournal } from '@outrider/delegate/agent/journal-format.ts';
import { foldJournal, recordsOf } from '@outrider/delegate/agent/journal-state.ts';
import { SILENT } from '@outrider/delegate/agent/logger.ts';
import { outcomeJson } from '@outrider/shared/protocol/outcome.ts';
import fc from 'fast-check';
import { jsonObject, outcome } from '../../shared/protocol/arbitraries.ts';

const offer = (taskId: string, epoch = 1): JournalRecord => ({
  kind: 'accepted',
  offer: { taskId, epoch, task: { type: 'x' }, deadlineMs: 5, facts: { a: 1 }, checkpointSequence: 2, logOffset: 7 },
});
const ref = { taskId: 't', epoch: 1 };
const LIFE: readonly JournalRecord[] = [
  offer('t'),
  { kind: 'started', ...ref },
  { kind: 'checkpoint', ...ref, sequence: 3, facts: { b: { c: 'ä\u0000⚙' } } },
  offer('u', 4),
  { kind: 'checkpoint', ...ref, sequence: 4, facts: { a: 9 } },
  { kind: 'committed', ...ref, sequence: 3 },
  { kind: 'result', ...ref, outcome: outcomeJson({ outcome: 'succeeded', output: { n: 1 } }) },
  { kind: 'acknowledged', ...ref, atMs: 1_000 },
  { kind: 'forgotten', taskId: 'u', epoch: 4 },
];
const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
const shown = (journal: Journal) => json([...journal.state]);

describe('the journal', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'outrider-journal-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));
  const open = (changes: Partial<JournalOptions> = {}) =>
    Journal.open({ directory, logger: SILENT, now: () => 2_000, ...changes });
  const file = () => path.join(directory, 'journal');

  test('knows after a restart what it knew before, at every moment of a life', async () => {
    for (let length = 0; length <= LIFE.length; length++) {
      rmSync(file(), { force: true });
      const journal = await open();
      for (const record of LIFE.slice(0, length)) await journal.append(record);
      const before = shown(journal);
      await journal.close();
      const again = await open();
      const known = new Map(again.state);
      await again.close();
      // Of what is done, only the result is kept.
      for (const [taskId, task] of foldJournal(LIFE.slice(0, length))) {
        if (task.outcome === null)
          assert.deepEqual(json(known.get(taskId)), json(new Map(foldJournal(LIFE.slice(0, length))).get(taskId)));
        else
          assert.deepEqual(
            [known.get(taskId)?.outcome, known.get(taskId)?.acknowledgedAtMs],
            [task.outcome, task.acknowledgedAtMs],
          );
      }
      assert.equal(known.size, Array.isArray(before) ? before.length : -1);
    }
  });

  test('a journal that was torn at any byte gives all records before the torn one', () => {
    const parts = [Buffer.from('outrider-journal-1\n'), ...LIFE.map(encodeRecord)];
    const whole = Buffer.concat(parts);
    const ends = parts.map((_, index) => parts.slice(0, index + 1).reduce((sum, part) => sum + part.length, 0));
    for (let length = 0; length <= whole.length; length++) {
      const parsed = parseJournal(whole.subarray(0, length));
      const records = ends.filter((end) => end <= length).length - 1;
      assert.equal(parsed.records.length, Math.max(records, 0), `cut at ${length}`);
      assert.equal(parsed.kind, ends.includes(length) ? 'whole' : 'torn', `cut at ${length}`);
    }
  });

  test('a torn journal is cut and written on', async () => {
    const journal = await open();
    for (const record of LIFE.slice(0, 4)) await journal.append(record);
    await journal.close();
    truncateSync(file(), statSync(file()).size - 3);
    const again = await open();
    assert.deepEqual([...again.state.keys()], ['t']);
    await again.append(offer('v'));
    await again.close();
    const last = await open();
    assert.deepEqual([...last.state.keys()], ['t', 'v']);
    await last.close();
  });

  test('a flipped bit, whichever it is, is damage: it is never taken for a torn end, and never for a good record', () => {
    const parts = [Buffer.from('outrider-journal-1\n'), ...LIFE.map(encodeRecord)];
    const whole = Buffer.concat(parts);
    const ends = parts.map((_, index) => parts.slice(0, index + 1).reduce((sum, part) => sum + part.length, 0));
    for (let at = 0; at < whole.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const damaged = Buffer.from(whole);
        damaged[at] = (damaged[at] ?? 0) ^ (1 << bit);
        const parsed = parseJournal(damaged);
        assert.equal(parsed.kind, 'damaged', `bit ${bit} of byte ${at}`);
        const before = Math.max(ends.filter((end) => end <= at).length - 1, 0);
        assert.deepEqual(json(parsed.records), json(LIFE.slice(0, before)), `bit ${bit} of byte ${at}`);
      }
    }
  });

  test('an end that never reached the disk and reads as zeros is torn, and nothing of it counts', () => {
    const parts = [Buffer.from('outrider-journal-1\n'), ...LIFE.slice(0, 3).map(encodeRecord)];
    const whole = Buffer.concat(parts);
    const lastStart = whole.length - (parts.at(-1)?.length ?? 0);
    for (let from = lastStart; from < whole.length; from++) {
      for (const more of [0, 7, 4_096]) {
        const torn = Buffer.concat([whole.subarray(0, from), Buffer.alloc(whole.length - from + more)]);
        const parsed = parseJournal(torn);
        assert.deepEqual([parsed.kind, parsed.records.length, parsed.bytes], ['torn', 2, lastStart], `${from}+${more}`);
      }
    }
  });

  test('a damaged journal is told of and set aside, and what stands before the damage is kept', async () => {
    const whole = Buffer.concat([Buffer.from('outrider-journal-1\n'), ...LIFE.slice(0, 5).map(encodeRecord)]);
    writeFileSync(file(), Buffer.concat([whole.subarray(0, 60), Buffer.from('garbage'), whole.subarray(67)]));
    const told: string[] = [];
    const journal = await open({ logger: { ...SILENT, error: (_fields, message) => told.push(message) } });
    assert.match(told[0] ?? '', /damaged/);
    const aside = readdirSync(directory).find((name) => name.startsWith('journal.damaged-')) ?? '';
    assert.equal(readFileSync(path.join(directory, aside)).length, whole.length, 'it can be looked at');
    await journal.append(offer('new'));
    await journal.close();
  });

  test('random noise is never taken for records', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (noise) => {
        assert.deepEqual(parseJournal(Buffer.concat([Buffer.from('outrider-journal-1\n'), noise])).records, []);
      }),
    );
  });

  test('is written anew when it has grown, and only what counts stays', async () => {
    const journal = await open({ compactBytes: 2_000 });
    await journal.append(offer('kept'));
    let largest = 0;
    for (let index = 0; index < 200; index++) {
      await journal.append(offer(`t${index}`));
      await journal.append({ kind: 'forgotten', taskId: `t${index}`, epoch: 1 });
      largest = Math.max(largest, statSync(file()).size);
    }
    assert.ok(largest < 3_000, `it grew to ${largest}`);
    await journal.append(offer('last'));
    await journal.close();
    const again = await open();
    assert.deepEqual([...again.state.keys()], ['kept', 'last']);
    await again.close();
  });

  test('is not rewritten with every record when much of it is alive', async () => {
    const journal = await open({ compactBytes: 100 });
    const inodes = new Set<number>();
    for (let index = 0; index < 64; index++) {
      await journal.append(offer(`t${index}`));
      inodes.add(statSync(file()).ino + statSync(file()).birthtimeMs);
    }
    assert.ok(inodes.size <= 12, `rewritten ${inodes.size} times`);
    assert.equal(journal.state.size, 64);
    await journal.close();
  });

  test('goes on in its old file when there is no room for a new one', async () => {
    const told: string[] = [];
    const journal = await open({
      compactBytes: 300,
      logger: { ...SILENT, warn: (_fields, message) => told.push(message) },
    });
    // Where the new file would be made, something stands that cannot be removed like a file.
    mkdirSync(path.join(directory, 'journal.new', 'x'), { recursive: true });
    for (let index = 0; index < 8; index++) await journal.append(offer(`t${index}`));
    assert.match(told[0] ?? '', /could not be rewritten/);
    await journal.close();
    rmSync(path.join(directory, 'journal.new'), { recursive: true });
    const again = await open();
    assert.equal(again.state.size, 8);
    await again.close();
  });

  test('a flood of facts does not make it grow beyond twice what is alive', async () => {
    const compactBytes = 20_000;
    const journal = await open({ compactBytes });
    const big = (length: number) => ({ text: 'x'.repeat(length) });
    const alive = new Map<string, number>();
    let largest = 0;
    for (let task = 0; task < 10; task++) {
      const each = { taskId: `t${task}`, epoch: 1 };
      await journal.append(offer(each.taskId));
      await journal.append({ kind: 'started', ...each });
      alive.set(each.taskId, 3_000);
      for (let sequence = 3; sequence < 43; sequence++) {
        await journal.append({ kind: 'checkpoint', ...each, sequence, facts: big(2_000) });
        largest = Math.max(largest, statSync(file()).size);
        await journal.append({ kind: 'committed', ...each, sequence });
      }
    }
    const needed = [...alive.values()].reduce((sum, bytes) => sum + bytes, 0);
    // Twice what is needed, or the point from which on it is rewritten; and the record that went beyond it.
    assert.ok(largest < 2 * Math.max(needed, compactBytes) + 3_000, `it grew to ${largest}`);
    await journal.close();
  });

  test('a record counts when the disk has it, and not before', async () => {
    const journal = await open();
    const handle = await openFile(file(), 'r');
    const kind: { datasync: (this: unknown) => Promise<void> } = Object.getPrototypeOf(handle);
    await handle.close();
    const asked = Promise.withResolvers<void>();
    const synced = Promise.withResolvers<void>();
    const { datasync } = kind;
    const sync = mock.method(kind, 'datasync', async function (this: unknown) {
      asked.resolve();
      await synced.promise;
      await datasync.call(this);
    });
    try {
      let resolved = false;
      const appended = journal.append(offer('t')).then(() => {
        resolved = true;
      });
      await asked.promise;
      await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual([resolved, journal.state.size, sync.mock.callCount()], [false, 0, 1]);
      synced.resolve();
      await appended;
      assert.equal(journal.state.size, 1);
    } finally {
      sync.mock.restore();
    }
    await journal.close();
  });

  test('a record that the disk did not take leaves nothing behind that a later one could stand on', async () => {
    const journal = await open();
    await journal.append(offer('t'));
    const handle = await openFile(file(), 'r');
    const kind: { datasync: (this: unknown) => Promise<void> } = Object.getPrototypeOf(handle);
    await handle.close();
    const sync = mock.method(kind, 'datasync', async () => {
      throw new Error('EIO');
    });
    try {
      await assert.rejects(journal.append(offer('u')), { code: 'store-failed' });
    } finally {
      sync.mock.restore();
    }
    await journal.append(offer('v'));
    await journal.close();
    const again = await open();
    assert.deepEqual([...again.state.keys()], ['t', 'v']);
    await again.close();
  });

  test('says when it is full, and goes on taking results', async () => {
    const journal = await open({ maxBytes: 300, compactBytes: 100_000 });
    assert.equal(journal.full, false);
    await journal.append(offer('t'));
    await journal.append(offer('u'));
    assert.equal(journal.full, true);
    await journal.append({ kind: 'result', ...ref, outcome: outcomeJson({ outcome: 'stopped', message: '' }) });
    assert.equal(journal.state.get('t')?.outcome?.outcome, 'stopped');
    await journal.close();
  });

  test('results that were acknowledged a day ago, or that fifty newer ones follow, are forgotten', () => {
    const records: JournalRecord[] = [];
    for (let index = 0; index < 60; index++) {
      const each = { taskId: `t${index}`, epoch: 1 };
      records.push(offer(each.taskId));
      records.push({ kind: 'result', ...each, outcome: outcomeJson({ outcome: 'succeeded', output: {} }) });
      records.push({ kind: 'acknowledged', ...each, atMs: index * 1_000 });
    }
    const kept = (nowMs: number) => [...foldJournal(recordsOf(foldJournal(records), nowMs)).keys()];
    assert.deepEqual(kept(60_000).length, 50);
    assert.equal(kept(60_000)[0], 't10');
    assert.deepEqual(kept(86_400_000 + 58_500), ['t59']);
  });

  test('what is written anew says the same as what it replaces', () => {
    const anyRecord = fc.oneof(
      fc.constantFrom('a', 'b').map((taskId) => offer(taskId)),
      fc
        .tuple(
          fc.constantFrom('a', 'b'),
          fc.constantFrom(1, 2),
          fc.nat({ max: 5 }),
          jsonObject,
          outcome,
          fc.nat({ max: 4 }),
        )
        .map(([taskId, epoch, sequence, facts, result, kind]): JournalRecord => {
          const each = { taskId, epoch };
          if (kind === 0) return { kind: 'started', ...each };
          if (kind === 1) return { kind: 'checkpoint', ...each, sequence, facts };
          if (kind === 2) return { kind: 'committed', ...each, sequence };
          if (kind === 3) return { kind: 'result', ...each, outcome: outcomeJson(result) };
          return { kind: 'forgotten', ...each };
        }),
    );
    fc.assert(
      fc.property(fc.array(anyRecord, { maxLength: 20 }), (records) => {
        const bytes = Buffer.concat([Buffer.from('outrider-journal-1\n'), ...records.map(encodeRecord)]);
        const parsed = parseJournal(bytes);
        assert.equal(parsed.kind, 'whole');
        const state = foldJournal(parsed.records);
        const again = foldJournal(recordsOf(state, 0));
        assert.deepEqual([...again.keys()], [...state.keys()]);
        for (const [taskId, task] of state) {
          const other = again.get(taskId);
          assert.deepEqual([json(other?.outcome), other?.started], [json(task.outcome), task.started]);
          if (task.outcome === null) assert.deepEqual(json(other?.facts), json(task.facts));
        }
      }),
    );
  });

  test('its file is for its owner alone', async () => {
    const journal = await open();
    await journal.close();
    assert.equal(statSync(file()).mode & 0o777, 0o600);
    assert.match(readFileSync(file(), 'utf8'), /^outrider-journal-1\n/);
  });
});
