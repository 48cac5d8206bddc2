import type { LogChunk } from '../app/ports.ts';
import { LOG_CHUNK_MAX_BYTES, LOG_READ_MAX_BYTES } from './limits.ts';

const NEWLINE = 0x0a;

/** Cuts log text into chunks that the store keeps as one row each, at ends of lines wherever a line fits in a chunk. */
export function splitIntoChunks(offset: number, bytes: Uint8Array): LogChunk[] {
  const chunks: LogChunk[] = [];
  let start = 0;
  while (start < bytes.length) {
    const end = chunkEnd(bytes, start);
    chunks.push({ offset: offset + start, bytes: copyOf(bytes, start, end) });
    start = end;
  }
  return chunks;
}

function chunkEnd(bytes: Uint8Array, start: number): number {
  if (bytes.length - start <= LOG_CHUNK_MAX_BYTES) return bytes.length;
  const lastNewline = bytes.subarray(start, start + LOG_CHUNK_MAX_BYTES).lastIndexOf(NEWLINE);
  return lastNewline === -1 ? start + LOG_CHUNK_MAX_BYTES : start + lastNewline + 1;
}

/**
 * Takes chunks in order until `maxBytes` are reached, but always the first, so that a reader gets on. A chunk that
 * begins before `fromOffset` gives what lies at or after it.
 */
export function takeChunks(stored: Iterable<LogChunk>, fromOffset: number, maxBytes: number): LogChunk[] {
  const taken: LogChunk[] = [];
  const limit = Math.min(maxBytes, LOG_READ_MAX_BYTES);
  let total = 0;
  for (const chunk of stored) {
    const passed = Math.max(fromOffset - chunk.offset, 0);
    if (passed >= chunk.bytes.length) continue;
    const size = chunk.bytes.length - passed;
    if (taken.length > 0 && total + size > limit) break;
    taken.push({ offset: chunk.offset + passed, bytes: copyOf(chunk.bytes, passed, chunk.bytes.length) });
    total += size;
  }
  return taken;
}

/** A copy of its own, also of a Buffer, whose `slice` would share memory with the caller's. */
function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(bytes.subarray(start, end));
}
