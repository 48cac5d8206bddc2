import { createHash } from 'node:crypto';
import { encodeLogLine, type ProducedLogLine } from '@outrider/shared/logs.ts';
import { encodeGapLine, type LogGapMark } from '@outrider/shared/protocol/gap-line.ts';
import type { TaskRef } from '@outrider/shared/protocol/messages.ts';
import {
  LOG_BATCH_MAX_BYTES,
  LOG_MARK_RESERVE_BYTES,
  LOG_SPOOL_MAX_BYTES,
  LOG_SPOOL_TAIL_BYTES,
} from '@outrider/shared/protocol/timings.ts';
import type { SpoolFile, SpoolFiles } from './spool-files.ts';

/** What goes out next: whole lines, or the mark of lines that are missing. */
export type SpoolPiece =
  | { readonly kind: 'lines'; readonly bytes: Buffer }
  | { readonly kind: 'gap'; readonly mark: LogGapMark; readonly length: number };

export interface SpoolSummary {
  /** Where this holder's part begins in the attempt's log, and where it ends. */
  readonly from: number;
  readonly end: number;
  /** SHA-256 (hex) of what is between. */
  readonly sha256: string;
}

export interface SpoolOptions {
  readonly files: SpoolFiles;
  readonly now: () => number;
  /** Cap of one attempt's spool and, within it, of the lines that follow the gap. */
  readonly maxBytes?: number;
  readonly tailBytes?: number;
}

const NEWLINE = 10;
const TOO_LONG = '[The log is too long: from here on only its last lines are kept, and follow when the step ends]';
/**
 * The log of one task as this holder writes it: a file of encoded lines that stands for the bytes from `from` on of the
 * attempt's log. It outlives the process; what was sent and acknowledged stays in it until the task is forgotten, so that
 * its digest can be told. Beyond the cap the middle is dropped: the newest lines are kept aside and follow a mark that
 * counts what is missing. Lines of one turn of the event loop are written together; the write ends in the page cache.
 */
export class LogSpool {
  readonly ref: TaskRef;
  readonly #options: SpoolOptions;
  readonly #maxBytes: number;
  readonly #tailBytes: number;
  #file: SpoolFile;
  #name: string;
  #from: number;
  /** Of the file; what waits to be written is not in it. */
  #size: number;
  #waiting: string[] = [];
  #waitingSize = 0;
  #dropping = false;
  #tail: string[] = [];
  #tailSize = 0;
  #dropped: { lines: number; bytes: number } = { lines: 0, bytes: 0 };
  #gap: { readonly offset: number; readonly mark: LogGapMark; readonly length: number } | undefined;

  private constructor(options: SpoolOptions, ref: TaskRef, name: string, from: number) {
    this.ref = ref;
    this.#options = options;
    this.#maxBytes = options.maxBytes ?? LOG_SPOOL_MAX_BYTES;
    this.#tailBytes = options.tailBytes ?? LOG_SPOOL_TAIL_BYTES;
    this.#name = name;
    this.#from = from;
    this.#file = options.files.open(name);
    this.#size = wholeLines(this.#file);
  }

  /** Finds the spool of an earlier process, or begins one at `from`. `found` false: there was none. */
  static open(
    options: SpoolOptions,
    ref: TaskRef,
    from: number,
  ): { readonly spool: LogSpool; readonly found: boolean } {
    const stem = stemOf(ref);
    for (const name of options.files.names()) {
      const known = name.startsWith(`${stem}.`) ? /\.([0-9]{1,16})\.log$/.exec(name)?.[1] : undefined;
      if (known === undefined) continue;
      return { spool: new LogSpool(options, ref, name, Number(known)), found: true };
    }
    return { spool: new LogSpool(options, ref, nameOf(ref, from), from), found: false };
  }

  /** Removes spools that belong to none of these tasks. */
  static removeOthers(files: SpoolFiles, kept: readonly TaskRef[]): void {
    const stems = new Set(kept.map(stemOf));
    for (const name of files.names()) if (!stems.has(name.split('.')[0] ?? '')) files.remove(name);
  }

  get from(): number {
    return this.#from;
  }

  /** End of the attempt's log as far as it can be sent. */
  get end(): number {
    this.#flush();
    return this.#from + this.#size;
  }

  /** The end as it will be, without writing anything. */
  get coming(): number {
    return this.#from + this.#size + this.#waitingSize;
  }

  append(line: ProducedLogLine): void {
    const encoded = encodeLogLine(line);
    const length = Buffer.byteLength(encoded);
    const room = this.#maxBytes - this.#tailBytes - LOG_MARK_RESERVE_BYTES;
    if (this.#dropping) return this.#keepAside(encoded);
    if (this.#size + this.#waitingSize + length > room) {
      this.#dropping = true;
      this.#wait(encodeLogLine({ at: line.at, level: 'WARN', text: TOO_LONG }));
      return this.#keepAside(encoded);
    }
    this.#wait(encoded);
  }

  /** The run is over: what was kept aside follows, behind the mark of what was not. Lines may be added again after it. */
  finish(): void {
    this.#flush();
    const { lines, bytes } = this.#dropped;
    if (lines > 0) {
      const mark = { atMs: this.#options.now(), droppedLines: lines, droppedBytes: bytes };
      const encoded = encodeGapLine(mark);
      const offset = this.end;
      if (this.#write(encoded)) this.#gap = { offset, mark, length: Buffer.byteLength(encoded) };
    }
    this.#write(this.#tail.join(''));
    this.#tail = [];
    this.#tailSize = 0;
    this.#dropped = { lines: 0, bytes: 0 };
  }

  /** What is at this offset, up to one batch; undefined: it is the end. */
  read(offset: number): SpoolPiece | undefined {
    if (offset >= this.end || offset < this.#from) return undefined;
    const gap = this.#gap;
    if (gap?.offset === offset) return { kind: 'gap', mark: gap.mark, length: gap.length };
    const until = gap !== undefined && offset < gap.offset ? gap.offset : this.end;
    const buffer = Buffer.alloc(Math.min(LOG_BATCH_MAX_BYTES, until - offset));
    const count = this.#file.read(buffer, buffer.length, offset - this.#from);
    const whole = buffer.subarray(0, count).lastIndexOf(NEWLINE) + 1;
    return whole === 0 ? undefined : { kind: 'lines', bytes: buffer.subarray(0, whole) };
  }

  /**
   * Agrees with the control plane on where the log is, after a reconnect or a restart. When its log ends within ours, all is
   * well. When it has more than we (our newest bytes went down with the machine), we go on from its end. When it has less
   * than we can give (its newest rows were lost), or our own file was (`lost`), a line says that something is missing there.
   */
  meet(durableOffset: number, lost: boolean): void {
    this.#flush();
    const hole = durableOffset < this.#from;
    if (hole) this.#rebase(durableOffset, `${this.#missing()}${this.#file.content().toString('utf8')}`);
    // Only whole lines are stored: one of ours does not end there, so others wrote on from a place before it.
    else if (durableOffset < this.end && !this.#endsLine(durableOffset)) this.divert(durableOffset, durableOffset);
    else if (durableOffset > this.end) this.#rebase(durableOffset, lost ? this.#missing() : '');
    else if (lost) this.#write(this.#missing());
  }

  /**
   * Somebody else has written into the log under our name: ours was sent up to the first offset, and the control plane's log
   * ends at the second. What it cannot have follows there, behind a line that says that some may be missing: rather that
   * than twice.
   */
  divert(ours: number, end: number): void {
    this.#flush();
    const content = this.#file.content().subarray(Math.max(0, ours - this.#from));
    const whole = this.#endsLine(ours) ? content : content.subarray(content.indexOf(NEWLINE) + 1);
    this.#rebase(end, `${this.#missing()}${whole.toString('utf8')}`);
  }

  #endsLine(offset: number): boolean {
    if (offset <= this.#from) return true;
    const before = Buffer.alloc(1);
    return this.#file.read(before, 1, offset - this.#from - 1) === 1 && before[0] === NEWLINE;
  }

  #missing(): string {
    const at = new Date(this.#options.now()).toISOString();
    return encodeLogLine({ at, level: 'WARN', text: '[Lines may be missing here: they were lost with a disk]' });
  }

  summary(): SpoolSummary {
    this.#flush();
    const hash = createHash('sha256');
    const buffer = Buffer.alloc(LOG_BATCH_MAX_BYTES);
    for (let position = 0; position < this.#size; ) {
      const count = this.#file.read(buffer, Math.min(buffer.length, this.#size - position), position);
      if (count === 0) break;
      hash.update(buffer.subarray(0, count));
      position += count;
    }
    return { from: this.#from, end: this.end, sha256: hash.digest('hex') };
  }

  /** On the disk for good: before the result is. */
  sync(): void {
    this.#flush();
    this.#file.sync();
  }

  close(): void {
    this.#flush();
    this.#file.close();
  }

  remove(): void {
    this.close();
    this.#options.files.remove(this.#name);
  }

  #wait(encoded: string): void {
    if (this.#waiting.length === 0) queueMicrotask(() => this.#flush());
    this.#waiting.push(encoded);
    this.#waitingSize += Buffer.byteLength(encoded);
  }

  #flush(): void {
    const lines = this.#waiting;
    if (lines.length === 0) return;
    this.#waiting = [];
    this.#waitingSize = 0;
    if (this.#write(lines.join(''))) return;
    this.#dropping = true;
    for (const encoded of lines) this.#keepAside(encoded);
  }

  /** Beyond the cap, or without a disk: the newest lines are kept, the others counted. */
  #keepAside(encoded: string): void {
    this.#tail.push(encoded);
    this.#tailSize += Buffer.byteLength(encoded);
    while (this.#tailSize > this.#tailBytes) {
      const dropped = Buffer.byteLength(this.#tail.shift() ?? '');
      this.#tailSize -= dropped;
      this.#dropped = { lines: this.#dropped.lines + 1, bytes: this.#dropped.bytes + dropped };
    }
  }

  /** False: there is no room on the disk. Half a line never stays. */
  #write(encoded: string): boolean {
    const bytes = Buffer.from(encoded);
    try {
      if (this.#file.append(bytes) === bytes.length) {
        this.#size += bytes.length;
        return true;
      }
    } catch {
      // Told by the mark that takes the line's place.
    }
    this.#file.truncate(this.#size);
    return false;
  }

  /** The file again, for the bytes from `from` on; the old one stays until the new one is whole. */
  #rebase(from: number, content: string): void {
    const { files } = this.#options;
    const fresh = nameOf(this.ref, from);
    files.replace(fresh, content);
    this.#file.close();
    if (this.#name !== fresh) files.remove(this.#name);
    this.#file = files.open(fresh);
    this.#size = Buffer.byteLength(content);
    this.#name = fresh;
    this.#from = from;
    this.#gap = undefined;
  }
}

function stemOf({ taskId, epoch }: TaskRef): string {
  return `${createHash('sha256').update(taskId).digest('hex').slice(0, 32)}-${epoch}`;
}

function nameOf(ref: TaskRef, from: number): string {
  return `${stemOf(ref)}.${from}.log`;
}

/** Length up to the last whole line; half a line that a crash left is cut off. */
function wholeLines(file: SpoolFile): number {
  const content = file.content();
  const whole = content.lastIndexOf(NEWLINE) + 1;
  if (whole < content.length) file.truncate(whole);
  return whole;
}
