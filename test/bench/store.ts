import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Store } from '@outrider/control-plane/app/ports.ts';
import { openStore } from '@outrider/control-plane/store/open.ts';
import { sortableId } from '@outrider/shared/ids.ts';
import { commitOf, leasedTask, logLines, T0 } from '../contracts/store/fixtures.ts';

/**
 * `node test/bench/store.ts [DIRECTORY]`: how fast the stores commit on the disk of DIRECTORY (the machine's temporary
 * directory if none is given), beside what one flush of that disk costs. Not a test: it judges nothing.
 */
const SECONDS = 3;
const EVENTS_PER_EXECUTION = 50;

const parent = process.argv[2] === undefined ? tmpdir() : resolve(process.argv[2]);
const directory = mkdtempSync(join(parent, 'outrider-bench-'));
try {
  print('one flush: 4 KiB + fdatasync', floor(join(directory, 'floor')));
  for (const [name, url] of [
    ['sqlite', `sqlite:${join(directory, 'outrider.db')}`],
    ['memory', 'memory:'],
  ] as const) {
    const store = await openStore(url);
    for (const inFlight of [1, 16, 64, 512]) {
      print(`${name}: commit of one event, ${inFlight} in flight`, await measure(inFlight, commits(store, inFlight)));
    }
    for (const inFlight of [1, 16]) {
      const batch = logLines(1_000);
      const speed = await measure(inFlight, logBatches(store, batch));
      print(`${name}: log batch of ${Math.round(batch.length / 1024)} KiB, ${inFlight} in flight`, speed);
    }
    await store.close();
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}

interface Speed {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

function floor(path: string): Speed {
  const descriptor = openSync(path, 'w');
  const page = Buffer.alloc(4096, 1);
  const durations: number[] = [];
  const begun = performance.now();
  while (performance.now() - begun < 1_000) {
    const start = performance.now();
    writeSync(descriptor, page);
    fdatasyncSync(descriptor);
    durations.push(performance.now() - start);
  }
  closeSync(descriptor);
  return speedOf(durations, performance.now() - begun);
}

/** Commits to executions of its own, a new one after every 50 events. */
function commits(store: Store, label: number): (worker: number) => () => Promise<unknown> {
  return (worker) => {
    let count = 0;
    return () => {
      const id = sortableId(
        'exe',
        T0 + Math.floor(count / EVENTS_PER_EXECUTION),
        Uint8Array.of(label >> 8, label & 255, worker >> 8, worker & 255, 0, 0, 0, 0, 0, 0),
      );
      const seq = count % EVENTS_PER_EXECUTION;
      count += 1;
      return store.commit(commitOf(id, seq)).then((outcome) => {
        if (outcome.kind !== 'ok') throw new Error(`a commit was answered with ${outcome.kind}`);
      });
    };
  };
}

function logBatches(store: Store, batch: Uint8Array): (worker: number) => () => Promise<unknown> {
  return () => {
    const task = leasedTask(store);
    let offset = 0;
    return async () => {
      const answer = await store.appendLog(await task, offset, batch);
      if (answer.kind !== 'ok') throw new Error(`a log batch was answered with ${answer.kind}`);
      offset = answer.durableOffset;
    };
  };
}

async function measure(inFlight: number, work: (worker: number) => () => Promise<unknown>): Promise<Speed> {
  const durations: number[] = [];
  const begun = performance.now();
  await Promise.all(
    Array.from({ length: inFlight }, async (_, worker) => {
      const act = work(worker);
      while (performance.now() - begun < SECONDS * 1_000) {
        const start = performance.now();
        await act();
        durations.push(performance.now() - start);
      }
    }),
  );
  return speedOf(durations, performance.now() - begun);
}

function speedOf(durations: readonly number[], elapsedMs: number): Speed {
  const sorted = durations.toSorted((left, right) => left - right);
  const at = (share: number) => sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? 0;
  return { perSecond: (sorted.length / elapsedMs) * 1_000, p50Ms: at(0.5), p99Ms: at(0.99) };
}

function print(what: string, { perSecond, p50Ms, p99Ms }: Speed): void {
  const figures = `${Math.round(perSecond)}/s`.padStart(10);
  process.stdout.write(`${what.padEnd(52)}${figures}   p50 ${p50Ms.toFixed(3)} ms   p99 ${p99Ms.toFixed(3)} ms\n`);
}
