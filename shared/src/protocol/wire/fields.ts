import { OutriderError } from '../../errors.ts';
import { type JsonObject, jsonTrouble, parseJsonObject } from '../../json.ts';
import type { Timestamp, Timestamp__Output } from '../generated/google/protobuf/Timestamp.ts';
import type { TaskRef } from '../messages.ts';
import { JSON_MAX_DEPTH, TASK_ID_MAX_LENGTH, TASKS_PER_MESSAGE_MAX, WORDS_MAX_LENGTH } from '../timings.ts';

/** Thrown while reading a message that breaks its rules; codec.ts turns it into `{kind: 'invalid'}` and nothing else sees it. */
export class InvalidField extends Error {
  override readonly name = 'InvalidField';
}

/** A body that the discriminator promised. */
export function present<T>(value: T | null | undefined, what: string): T {
  if (value === undefined || value === null) throw new InvalidField(`${what} is missing`);
  return value;
}

/** Proto3 leaves out empty texts. */
export function text(value: string | undefined): string {
  return value ?? '';
}

/** A text that must not be empty. */
export function name(value: string | undefined, what: string): string {
  if (value === undefined || value === '') throw new InvalidField(`${what} is empty`);
  return value;
}

/** An identifier that is sent back in a header: what else stands in it no header could carry. */
export function identifier(value: string | undefined, what: string): string {
  const given = name(value, what);
  if (!/^[\x21-\x7e]{1,256}$/.test(given)) {
    throw new InvalidField(`${what} has what an identifier may not have: at most 256 characters of visible ASCII`);
  }
  return given;
}

/** A text for people, cut if it is longer than anybody reads: it is stored, shown and logged. */
export function words(value: string | undefined): string {
  const whole = text(value);
  return whole.length > WORDS_MAX_LENGTH ? `${whole.slice(0, WORDS_MAX_LENGTH)}… [cut]` : whole;
}

/** A SHA-256 in hexadecimal digits. */
export function digest(value: string | undefined, what: string): string {
  if (!/^[0-9a-f]{64}$/.test(value ?? '')) throw new InvalidField(`${what} is no SHA-256`);
  return value ?? '';
}

/** A 64-bit number that came as decimal digits: only those that a double holds exactly are taken. */
export function long(value: string | undefined, what: string): number {
  const number = Number(value ?? '0');
  if (!Number.isSafeInteger(number) || number < 0) throw new InvalidField(`${what} is not a number we can hold`);
  return number;
}

export function uint(value: number | undefined): number {
  return value ?? 0;
}

/** A number that is about to be written as uint64. A negative or broken one is a defect of ours. */
export function writeLong(value: number): string {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new OutriderError('internal', `${value} cannot be written as a 64-bit number`);
  }
  return String(value);
}

/** The same for uint32: protobuf.js would wrap it around silently. */
export function writeUint(value: number): number {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) {
    throw new OutriderError('internal', `${value} cannot be written as a 32-bit number`);
  }
  return value;
}

/** Our word for a value of a proto enum. A value that is unspecified or newer than this code is refused, never guessed. */
export function word<Word extends string>(
  table: Readonly<Record<Word, string>>,
  value: string | number | undefined,
  what: string,
): Word {
  for (const key in table) if (table[key] === value) return key;
  throw new InvalidField(`${what} has the unknown value ${value ?? 'unspecified'}`);
}

export function jsonObject(value: Uint8Array | undefined, maxBytes: number, what: string): JsonObject {
  if (value === undefined || value.length === 0) return {};
  if (value.length > maxBytes)
    throw new InvalidField(`${what} has ${value.length} bytes, at most ${maxBytes} are taken`);
  const parsed = parseJsonObject(Buffer.from(value).toString('utf8'));
  if (parsed === undefined) throw new InvalidField(`${what} is not a JSON object`);
  const trouble = jsonTrouble(parsed, JSON_MAX_DEPTH);
  if (trouble !== undefined) throw new InvalidField(`${what} ${trouble}`);
  return parsed;
}

export function writeJson(value: JsonObject): Buffer {
  return Buffer.from(JSON.stringify(value), 'utf8');
}

/** The last millisecond that a Date can be. */
const LATEST_MS = 8_640_000_000_000_000;

/** Milliseconds since 1970. */
export function time(value: Timestamp__Output | undefined, what: string): number {
  const stamp = present(value, what);
  const nanos = stamp.nanos ?? 0;
  const milliseconds = long(stamp.seconds, what) * 1000 + Math.floor(nanos / 1_000_000);
  if (!(milliseconds <= LATEST_MS) || nanos < 0) throw new InvalidField(`${what} is not a time we can hold`);
  return milliseconds;
}

export function writeTime(milliseconds: number): Timestamp {
  const whole = Math.floor(milliseconds);
  return { seconds: writeLong(Math.floor(whole / 1000)), nanos: (whole % 1000) * 1_000_000 };
}

interface WireTaskRef {
  taskId?: string;
  epoch?: string;
}

export function taskRef(wire: WireTaskRef): TaskRef {
  const taskId = name(wire.taskId, 'task_id');
  if (taskId.length > TASK_ID_MAX_LENGTH) {
    throw new InvalidField(`task_id has ${taskId.length} characters, at most ${TASK_ID_MAX_LENGTH} are taken`);
  }
  return { taskId, epoch: long(wire.epoch, 'epoch') };
}

/** Several tasks in one message. */
export function tasks<Wire>(wire: readonly Wire[] | undefined, what: string): readonly Wire[] {
  const count = wire?.length ?? 0;
  if (count > TASKS_PER_MESSAGE_MAX) {
    throw new InvalidField(`${what} names ${count} tasks, at most ${TASKS_PER_MESSAGE_MAX} are taken`);
  }
  return wire ?? [];
}

export function writeTaskRef(ref: TaskRef): { taskId: string; epoch: string } {
  return { taskId: ref.taskId, epoch: writeLong(ref.epoch) };
}

/** On the wire the last arm of a oneof wins; protobuf.js keeps several. A sender that writes two is broken. */
export function checkSoleArm(wire: object): void {
  const arms = Object.keys(wire).filter((key) => key !== 'message');
  if (arms.length > 1) throw new InvalidField(`it has several arms: ${arms.join(', ')}`);
}
