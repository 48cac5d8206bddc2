import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeLogLine } from '@outrider/shared/logs.ts';
import fc from 'fast-check';
import type { StepDetails } from '../../../control-plane/src/app/executions-port.ts';
import {
  createLogReader,
  formatLogPosition,
  LOG_START,
  parseLogPosition,
} from '../../../control-plane/src/app/logs.ts';
import type { LogStore } from '../../../control-plane/src/app/ports.ts';
import { takeChunks } from '../../../control-plane/src/store/log-chunks.ts';

const TASKS = ['exe_1/p1.1/1', 'exe_1/p1.1/2', 'exe_1/p1.1/3'];

/** A store that holds these texts by attempt, cut into chunks of this size. */
function readerOf(attempts: readonly string[], options: { ended?: boolean; chunkBytes?: number } = {}) {
  const { ended = true, chunkBytes = 65_536 } = options;
  const store: Pick<LogStore, 'readLog'> = {
    async readLog(task, from, maxBytes) {
      const bytes = Buffer.from(attempts[TASKS.indexOf(task)] ?? '');
      const chunks = [];
      for (let offset = 0; offset < bytes.length; offset += chunkBytes) {
        chunks.push({ offset, bytes: new Uint8Array(bytes.subarray(offset, offset + chunkBytes)) });
      }
      return takeChunks(chunks, from, maxBytes);
    },
  };
  const details: StepDetails = {
    stepId: 'p1.1',
    phase: 'Phase 1',
    step: {
      id: 'p1.1',
      name: 'S',
      type: 'x',
      section: 's',
      status: 'running',
      attempt: 1,
      startedAt: null,
      endedAt: null,
    },
    tasks: TASKS.slice(0, attempts.length),
    ended,
  };
  return createLogReader({ store: store as LogStore, executions: { step: async () => details } });
}

const text = (...lines: readonly string[]) =>
  lines.map((line) => encodeLogLine({ at: '2026-01-01T00:00:00.000Z', level: 'INFO', text: line })).join('');
const SOURCE = { executionId: 'exe_1', step: 'p1.1' };

describe('the log of a step', () => {
  test('attempts follow each other, and lines count anew in each', async () => {
    const page = await readerOf([text('a', 'b'), text('c')]).page(SOURCE, LOG_START, 100);
    assert.deepEqual(
      page.lines.map(({ attempt, seq, text: line }) => [attempt, seq, line]),
      [
        [1, 1, 'a'],
        [1, 2, 'b'],
        [2, 1, 'c'],
      ],
    );
    assert.equal(page.ended, true);
  });

  test('one attempt alone can be asked for', async () => {
    const reader = readerOf([text('a', 'b'), text('c'), text('d')]);
    const page = await reader.page({ ...SOURCE, onlyAttempt: 2 }, LOG_START, 100);
    assert.deepEqual(
      page.lines.map((line) => line.text),
      ['c'],
    );
    assert.equal(page.ended, true);
    await assert.rejects(reader.page({ ...SOURCE, onlyAttempt: 4 }, LOG_START, 100), { code: 'not-found' });
  });

  test('an attempt that others follow has ended, though the step goes on', async () => {
    const reader = readerOf([text('a'), text('b')], { ended: false });
    assert.equal((await reader.page({ ...SOURCE, onlyAttempt: 1 }, LOG_START, 100)).ended, true);
    assert.equal((await reader.page({ ...SOURCE, onlyAttempt: 2 }, LOG_START, 100)).ended, false);
    assert.equal((await reader.page(SOURCE, LOG_START, 100)).ended, false);
  });

  test('a line that is not whole yet is not shown', async () => {
    const page = await readerOf([`${text('a')}{"at":"2026`], { ended: false }).page(SOURCE, LOG_START, 100);
    assert.deepEqual(
      page.lines.map((line) => line.text),
      ['a'],
    );
  });

  test('a full page says that there may be more, also when there is not', async () => {
    const reader = readerOf([text('a', 'b')]);
    const page = await reader.page(SOURCE, LOG_START, 2);
    assert.equal(page.ended, false);
    assert.deepEqual(await reader.page(SOURCE, page.next, 2), { lines: [], next: page.next, ended: true });
  });

  test('a place that lies about its bytes, or lies beyond the end, gives the right lines or none', async () => {
    const reader = readerOf([text('a', 'b', 'c')]);
    const lied = await reader.page(SOURCE, { attempt: 1, seq: 1, offset: 3 }, 100);
    assert.deepEqual(
      lied.lines.map((line) => line.text),
      ['b', 'c'],
    );
    const beyond = await reader.page(SOURCE, { attempt: 1, seq: 99 }, 100);
    assert.deepEqual(beyond.lines, []);
    assert.deepEqual((await reader.page(SOURCE, { attempt: 9, seq: 0 }, 100)).lines, []);
  });

  test('pages of any size over chunks of any size give every line once, in order', async () => {
    const lines = fc.array(fc.string({ unit: 'grapheme', maxLength: 40 }), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(lines, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 200 }),
        fc.boolean(),
        async (attempts, limit, chunkBytes, forgetsOffsets) => {
          const reader = readerOf(
            attempts.map((each) => text(...each)),
            { chunkBytes },
          );
          const seen: string[] = [];
          let position = LOG_START;
          for (let pages = 0; pages < 200; pages += 1) {
            const page = await reader.page(SOURCE, position, limit);
            seen.push(...page.lines.map((line) => line.text));
            position = forgetsOffsets ? { attempt: page.next.attempt, seq: page.next.seq } : page.next;
            if (page.ended) break;
          }
          assert.deepEqual(seen, attempts.flat());
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe('places in a log', () => {
  for (const [written, attempt, read] of [
    ['5', 1, { attempt: 1, seq: 5 }],
    ['5', 3, { attempt: 3, seq: 5 }],
    ['2.5', 1, { attempt: 2, seq: 5 }],
    ['2.5.1024', 1, { attempt: 2, seq: 5, offset: 1_024 }],
    ['0.5', 1, undefined],
    ['1.2.3.4', 1, undefined],
    ['-1', 1, undefined],
    ['', 1, undefined],
  ] as const) {
    test(`${JSON.stringify(written)} is ${read === undefined ? 'none' : formatLogPosition(read)}`, () => {
      assert.deepEqual(parseLogPosition(written, attempt), read);
    });
  }
});
