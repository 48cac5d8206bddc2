import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ALIVE_MARK_MS } from '@outrider/shared/protocol/timings.ts';

/**
 * Renews the file `alive` in the data folder while the event loop turns, connected or not: a delegate that hangs is restarted from
 * outside, one that only waits for its control plane is not. A folder that cannot be written is told by the delegate's own start.
 */
export function showAlive(dataDir: string, everyMs: number = ALIVE_MARK_MS): { stop(): void } {
  const renew = () => {
    try {
      mkdirSync(dataDir, { recursive: true });
      writeFileSync(path.join(dataDir, 'alive'), `${process.pid}\n`);
    } catch {
      // an old file says it: this delegate cannot keep its journal either
    }
  };
  renew();
  const timer = setInterval(renew, everyMs);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}
