import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Logger } from '../../control-plane/src/app/logger.ts';
import { controlPlaneConfig } from '../../control-plane/src/config.ts';
import { startControlPlane } from '../../control-plane/src/main.ts';
import { heapAfterCollection } from './memory.ts';

/**
 * A control plane in a process of its own, so that its memory, its event loop and its sockets are its alone. It does what an
 * installation does, and besides answers how it is (victim.ts asks).
 */

export interface Vitals {
  readonly heapBytes: number;
  /** Buffers outside of the heap. */
  readonly externalBytes: number;
  readonly rssBytes: number;
  /** The most since the last `mark`. */
  readonly peakRssBytes: number;
  /** The longest time since the last `mark` for which the event loop did not turn, and what 99 of 100 turns stay below. */
  readonly loopDelayMaxMs: number;
  readonly loopDelayP99Ms: number;
  /** Open sockets, its listeners and the pipe to its parent included. */
  readonly sockets: number;
  /** How often each thing was said at warn and error since the last `mark`. */
  readonly said: Readonly<Record<string, number>>;
  /** What no peer may cause: errors with a stack, and what was said of defects. The first ones of all times. */
  readonly defects: readonly string[];
}

type Question = { readonly ask: 'vitals'; readonly id: number } | { readonly ask: 'mark'; readonly id: number };

const DEFECTS_KEPT = 20;
const defects: string[] = [];
let said: Record<string, number> = {};

function note(level: 'warn' | 'error', fields: object, message: string): void {
  const key = `${level}: ${message}`;
  said[key] = (said[key] ?? 0) + 1;
  const err: unknown = Reflect.get(fields, 'err');
  const text = JSON.stringify({ ...fields, err: undefined });
  // What a peer says is never logged with a stack, at no level.
  const broken = err !== undefined || /\bat .+\.ts:[0-9]+/.test(text);
  if (!broken || defects.length >= DEFECTS_KEPT) return;
  const cause = err instanceof Error ? `${err.stack ?? err.message} / ${String(err.cause)}` : String(err);
  defects.push(`${key} ${text.slice(0, 300)} ${cause.slice(0, 1_500)}`);
}

const logger: Logger = {
  debug() {},
  info() {},
  warn: (fields, message) => note('warn', fields, message),
  error: (fields, message) => note('error', fields, message),
};

const delay = monitorEventLoopDelay({ resolution: 5 });
let peakRssBytes = 0;
const sample = () => {
  peakRssBytes = Math.max(peakRssBytes, process.memoryUsage.rss());
};

function vitals(): Vitals {
  sample();
  const [max, p99] = [delay.max, delay.percentile(99)];
  const heapBytes = heapAfterCollection();
  return {
    heapBytes,
    externalBytes: process.memoryUsage().external,
    rssBytes: process.memoryUsage.rss(),
    peakRssBytes,
    loopDelayMaxMs: Math.round(max / 1e6),
    loopDelayP99Ms: Math.round(p99 / 1e6),
    sockets: process.getActiveResourcesInfo().filter((name) => /TCPSocketWrap|TLSWrap/.test(name)).length,
    said,
    defects,
  };
}

async function main(): Promise<void> {
  const controlPlane = await startControlPlane(controlPlaneConfig(process.env), { logger });
  delay.enable();
  setInterval(sample, 50).unref();
  process.on('message', (question: Question) => {
    if (question.ask === 'mark') {
      delay.reset();
      said = {};
      peakRssBytes = 0;
    }
    process.send?.({ id: question.id, vitals: vitals() });
    // What collecting the garbage took is not the peers' doing.
    if (question.ask === 'mark') delay.reset();
  });
  process.once('disconnect', () => process.exit(0));
  process.once('SIGTERM', () => void controlPlane.close().then(() => process.exit(0)));
  process.send?.({ id: 0, httpUrl: controlPlane.httpUrl, grpcAddress: controlPlane.grpcAddress });
}

await main();
