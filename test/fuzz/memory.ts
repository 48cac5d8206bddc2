import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect: unknown = runInNewContext('gc');

/** Bytes of live objects in this process. */
export function heapAfterCollection(): number {
  if (typeof collect !== 'function') throw new Error('this Node has no gc()');
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}
