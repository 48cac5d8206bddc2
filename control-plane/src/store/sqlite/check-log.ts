import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/**
 * The write-ahead log of SQLite (sqlite.org/fileformat2.html, section 4). SQLite takes it for over at the first frame that does
 * not fit, which is right for what a loss of power left of the last transaction; but it is silent when that frame was once
 * whole, and drops every commit behind it. Each of our transactions is flushed before the next one begins: so of those
 * that were not flushed there is at most one, and a second commit behind a broken frame shows that the file was damaged.
 */

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
const MAGIC = 0x377f0682;

type Checksum = readonly [number, number];

/** What is wrong with the log, as far as that can be seen; undefined: nothing, or there is none. Throws what Node throws. */
export function damageOfLog(path: string): string | undefined {
  const descriptor = openIfThere(path);
  if (descriptor === undefined) return undefined;
  try {
    return damageOf(descriptor, fstatSync(descriptor).size);
  } finally {
    closeSync(descriptor);
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function damageOf(descriptor: number, size: number): string | undefined {
  const header = read(descriptor, 0, HEADER_BYTES);
  if (header === undefined) return undefined;
  const pageBytes = header.readUInt32BE(8);
  const bigEndian = header.readUInt32BE(0) === MAGIC + 1;
  const known = bigEndian || header.readUInt32BE(0) === MAGIC;
  const sum = checksum(header.subarray(0, 24), [0, 0], bigEndian);
  if (!known || !holds(header, 24, sum)) {
    // It is flushed before the first frame is written.
    return size > HEADER_BYTES + FRAME_HEADER_BYTES ? 'its log has a broken head' : undefined;
  }
  const frames = framesOf(descriptor, { header, sum, pageBytes, bigEndian });
  const broken = frames.findIndex((frame) => !frame.follows);
  if (broken === -1) return undefined;
  const [first, ...rest] = frames.slice(broken);
  const commits =
    rest.filter((frame) => frame.commits && frame.fitsThePrevious).length + (first?.commits === true ? 1 : 0);
  return commits >= 2 ? `frame ${broken + 1} of its log is broken, and later commits lie behind it` : undefined;
}

interface Frame {
  /** It and all before it are whole. */
  readonly follows: boolean;
  /** It is whole, if the one before it says the truth about itself. */
  readonly fitsThePrevious: boolean;
  /** Of this log, and the last frame of a transaction. */
  readonly commits: boolean;
}
interface LogHead {
  readonly header: Buffer;
  readonly sum: Checksum;
  readonly pageBytes: number;
  readonly bigEndian: boolean;
}

function framesOf(descriptor: number, { header, sum, pageBytes, bigEndian }: LogHead): Frame[] {
  const frames: Frame[] = [];
  const frameBytes = FRAME_HEADER_BYTES + pageBytes;
  let previous = sum;
  let follows = true;
  for (let offset = HEADER_BYTES; ; offset += frameBytes) {
    const frame = read(descriptor, offset, frameBytes);
    if (frame === undefined) return frames;
    const ours = frame.subarray(8, 16).equals(header.subarray(16, 24));
    const counted = checksum(
      frame.subarray(FRAME_HEADER_BYTES),
      checksum(frame.subarray(0, 8), previous, bigEndian),
      bigEndian,
    );
    const fitsThePrevious = ours && holds(frame, 16, counted);
    follows &&= fitsThePrevious;
    frames.push({ follows, fitsThePrevious, commits: ours && frame.readUInt32BE(4) !== 0 });
    previous = [frame.readUInt32BE(16), frame.readUInt32BE(20)];
  }
}

function read(descriptor: number, offset: number, length: number): Buffer | undefined {
  const buffer = Buffer.alloc(length);
  return readSync(descriptor, buffer, 0, length, offset) === length ? buffer : undefined;
}

function holds(buffer: Buffer, offset: number, [first, second]: Checksum): boolean {
  return buffer.readUInt32BE(offset) === first && buffer.readUInt32BE(offset + 4) === second;
}

function checksum(bytes: Buffer, [from, and]: Checksum, bigEndian: boolean): Checksum {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let first = from;
  let second = and;
  for (let offset = 0; offset + 8 <= bytes.length; offset += 8) {
    first = (first + view.getUint32(offset, !bigEndian) + second) >>> 0;
    second = (second + view.getUint32(offset + 4, !bigEndian) + first) >>> 0;
  }
  return [first, second];
}
