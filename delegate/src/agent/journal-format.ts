import { crc32 } from 'node:zlib';
import { isJsonObject, type JsonObject, parseJsonObject } from '@outrider/shared/json.ts';
import type { TaskRef } from '@outrider/shared/protocol/messages.ts';
import { JOURNAL_RECORD_MAX_BYTES } from '@outrider/shared/protocol/timings.ts';

/**
 * The bytes of the journal: after a mark, one record after the other as `length (4) crc32 (4) JSON`. The checksum covers the
 * length too. Each record is on disk before the next is written, so that only the last one can be torn: a beginning of it is
 * there, or blocks of zeros at its end that never reached the disk. Anything else is damage: JSON has no zero bytes, and it
 * is complete with its last byte and not before.
 */

/** The work as it was offered: all that is needed to begin it, or to begin it again. */
export interface OfferRecord extends TaskRef {
  readonly task: JsonObject;
  /** Absolute, by the control plane's clock. */
  readonly deadlineMs: number;
  readonly facts: JsonObject;
  readonly checkpointSequence: number;
  /** Where this holder's part of the log begins. */
  readonly logOffset: number;
}

export type JournalRecord =
  | { readonly kind: 'accepted'; readonly offer: OfferRecord }
  /** The lease was confirmed: work may have begun. */
  | ({ readonly kind: 'started' } & TaskRef)
  | ({ readonly kind: 'checkpoint'; readonly sequence: number; readonly facts: JsonObject } & TaskRef)
  /** The control plane has committed every checkpoint up to this one. */
  | ({ readonly kind: 'committed'; readonly sequence: number } & TaskRef)
  | ({ readonly kind: 'result'; readonly outcome: JsonObject } & TaskRef)
  /** The control plane has the result. */
  | ({ readonly kind: 'acknowledged'; readonly atMs: number } & TaskRef)
  | ({ readonly kind: 'forgotten' } & TaskRef);

export const JOURNAL_MARK: Buffer = Buffer.from('outrider-journal-1\n');
const HEADER_BYTES = 8;
export function encodeRecord(record: JournalRecord): Buffer {
  const body = Buffer.from(JSON.stringify(record), 'utf8');
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(body.length, 0);
  header.writeUInt32BE(checksum(header.subarray(0, 4), body), 4);
  return Buffer.concat([header, body]);
}

export type JournalContent =
  | { readonly kind: 'whole'; readonly records: readonly JournalRecord[]; readonly bytes: number }
  /** The last record was being written when the process or the machine went down: it is as if it had never been begun. */
  | { readonly kind: 'torn'; readonly records: readonly JournalRecord[]; readonly bytes: number }
  /** Something in the middle is not what was written: no crash does that. `records` are those before it. */
  | { readonly kind: 'damaged'; readonly records: readonly JournalRecord[]; readonly bytes: number };

/** Reads what is whole. `bytes`: where that ends. */
export function parseJournal(content: Buffer): JournalContent {
  if (content.length < JOURNAL_MARK.length) {
    const begun = JOURNAL_MARK.subarray(0, content.length).equals(content);
    return { kind: begun ? 'torn' : 'damaged', records: [], bytes: 0 };
  }
  if (!content.subarray(0, JOURNAL_MARK.length).equals(JOURNAL_MARK)) return { kind: 'damaged', records: [], bytes: 0 };
  const records: JournalRecord[] = [];
  let offset = JOURNAL_MARK.length;
  while (offset < content.length) {
    const found = recordAt(content, offset);
    if (found === undefined) {
      return { kind: isTorn(content, offset) ? 'torn' : 'damaged', records, bytes: offset };
    }
    records.push(found.record);
    offset = found.end;
  }
  return { kind: 'whole', records, bytes: offset };
}

/** Whether what stands at the offset is no more than the beginning of a record. */
function isTorn(content: Buffer, offset: number): boolean {
  if (hasRecordAfter(content, offset + 1)) return false;
  if (offset + HEADER_BYTES > content.length || content.at(-1) === 0) return true;
  const length = content.readUInt32BE(offset);
  const body = content.subarray(offset + HEADER_BYTES);
  // With all its bytes there, or with JSON that is complete, it was whole once.
  return (
    length <= JOURNAL_RECORD_MAX_BYTES && length > body.length && parseJsonObject(body.toString('utf8')) === undefined
  );
}

/** A whole record beyond a broken one shows that the broken one was once whole: it was damaged, not torn. */
function hasRecordAfter(content: Buffer, from: number): boolean {
  for (let offset = from; offset + HEADER_BYTES < content.length; offset++) {
    if (recordAt(content, offset) !== undefined) return true;
  }
  return false;
}

function recordAt(content: Buffer, offset: number): { record: JournalRecord; end: number } | undefined {
  if (offset + HEADER_BYTES > content.length) return undefined;
  const length = content.readUInt32BE(offset);
  const end = offset + HEADER_BYTES + length;
  if (length > JOURNAL_RECORD_MAX_BYTES || end > content.length) return undefined;
  const body = content.subarray(offset + HEADER_BYTES, end);
  if (content.readUInt32BE(offset + 4) !== checksum(content.subarray(offset, offset + 4), body)) return undefined;
  const record = readRecord(body.toString('utf8'));
  return record === undefined ? undefined : { record, end };
}

function checksum(length: Buffer, body: Buffer): number {
  return crc32(body, crc32(length));
}

/** Undefined: it is no record of ours. Records of a newer version that this one does not know are none of ours either. */
function readRecord(text: string): JournalRecord | undefined {
  const value = parseJsonObject(text);
  if (value === undefined) return undefined;
  if (value['kind'] === 'accepted') {
    const offer = value['offer'];
    return isJsonObject(offer) ? readOffer(offer) : undefined;
  }
  const ref = readRef(value);
  if (ref === undefined) return undefined;
  const { kind, sequence, facts, outcome, atMs } = value;
  switch (kind) {
    case 'started':
    case 'forgotten':
      return { kind, ...ref };
    case 'checkpoint':
      return isCount(sequence) && isJsonObject(facts) ? { kind, ...ref, sequence, facts } : undefined;
    case 'committed':
      return isCount(sequence) ? { kind, ...ref, sequence } : undefined;
    case 'result':
      return isJsonObject(outcome) ? { kind, ...ref, outcome } : undefined;
    case 'acknowledged':
      return isCount(atMs) ? { kind, ...ref, atMs } : undefined;
    default:
      return undefined;
  }
}

function readOffer(value: JsonObject): JournalRecord | undefined {
  const ref = readRef(value);
  const { task, deadlineMs, facts, checkpointSequence, logOffset } = value;
  if (ref === undefined || !isJsonObject(task) || !isJsonObject(facts)) return undefined;
  if (!isCount(deadlineMs) || !isCount(checkpointSequence) || !isCount(logOffset)) return undefined;
  return { kind: 'accepted', offer: { ...ref, task, deadlineMs, facts, checkpointSequence, logOffset } };
}

function readRef({ taskId, epoch }: JsonObject): TaskRef | undefined {
  return typeof taskId === 'string' && isCount(epoch) ? { taskId, epoch } : undefined;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
