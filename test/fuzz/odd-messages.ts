import descriptor from '@outrider/shared/protocol/generated/descriptor.json' with { type: 'json' };
import { DELEGATE_SERVICE } from '@outrider/shared/protocol/service.ts';
import { randomBytes } from './seed.ts';

/**
 * Messages in protobuf's own form, made from the descriptor of the protocol: a new message, field or method is in it by
 * itself. Most can be read as what they claim to be; what stands in them is odd.
 */

interface FieldType {
  readonly name: string;
  readonly type: string;
  readonly id: number;
  readonly repeated: boolean;
}

const PACKAGE: Readonly<Record<string, unknown>> = descriptor.nested.outrider.nested.delegate.nested.v1.nested;
const TIMESTAMP: readonly FieldType[] = [
  { name: 'seconds', type: 'int64', id: 1, repeated: false },
  { name: 'nanos', type: 'int32', id: 2, repeated: false },
];

/** Names of every method with the type of what it is sent. */
export function requestTypes(): ReadonlyMap<keyof typeof DELEGATE_SERVICE, string> {
  const methods: Readonly<Record<string, { readonly requestType: string }>> =
    descriptor.nested.outrider.nested.delegate.nested.v1.nested.DelegateService.methods;
  const found = new Map<keyof typeof DELEGATE_SERVICE, string>();
  let name: keyof typeof DELEGATE_SERVICE;
  for (name in DELEGATE_SERVICE) {
    const method = methods[DELEGATE_SERVICE[name].path.split('/').at(-1) ?? ''];
    if (method === undefined) throw new Error(`the descriptor knows no method ${name}`);
    found.set(name, method.requestType);
  }
  return found;
}

/** Texts and numbers that mean something to whom the message is sent, so that it is not refused at its first field. */
export interface Pool {
  readonly texts: readonly string[];
  readonly numbers: readonly number[];
}

/**
 * One message of a type. One in ten is no protobuf, or not that of its type; the others can be read, and what stands in them
 * is odd. `arm`: the kind of message, where the type is a choice of several.
 */
export function oddMessage(type: string, random: () => number, pool: Pool, arm?: string): Buffer {
  const broken = random() < 0.1;
  if (broken && random() < 0.3) return randomBytes(random, Math.floor(random() * 80));
  const whole = written(type, { random, pool, broken, depth: 0 }, arm);
  return broken && random() < 0.3 ? whole.subarray(0, Math.floor(random() * whole.length)) : whole;
}

interface Writing {
  readonly random: () => number;
  readonly pool: Pool;
  readonly broken: boolean;
  readonly depth: number;
}

function written(type: string, writing: Writing, arm?: string): Buffer {
  const { random, broken } = writing;
  const all = fieldsOf(type);
  const arms = isOneOf(type);
  const fields: (FieldType | undefined)[] = arms
    ? [all.find(({ name }) => name === arm) ?? pick(random, all)]
    : [...all];
  if (arms && broken && random() < 0.3) fields.push(pick(random, all));
  const parts: Buffer[] = [];
  for (const field of fields) {
    if (field === undefined || (!arms && random() < 0.06)) continue;
    const times = field.repeated ? Math.floor(random() ** 3 * 40) : random() < 0.02 ? 2 : 1;
    for (let count = 0; count < times; count++) parts.push(oddField(field, writing));
  }
  // A field of a later version.
  if (random() < 0.05) parts.push(lengthDelimited(1_000 + Math.floor(random() * 500_000), Buffer.from('later')));
  return Buffer.concat(parts);
}

/** The number of kinds of message that a type can be; 1 when it is no choice. */
export function armsOf(type: string): readonly string[] {
  return isOneOf(type) ? fieldsOf(type).map((field) => field.name) : [];
}

function oddField(field: FieldType, writing: Writing): Buffer {
  const { random, pool, broken, depth } = writing;
  // Another type on the wire than the field has.
  if (broken && random() < 0.2) {
    return Buffer.concat([tag(field.id, Math.floor(random() * 8)), varint(oddNumber(random, pool))]);
  }
  switch (field.type) {
    case 'string':
      return lengthDelimited(field.id, oddText(random, pool));
    case 'bytes':
      return lengthDelimited(field.id, oddBytes(field.name, writing));
    case 'bool':
    case 'uint32':
    case 'uint64':
    case 'int32':
    case 'int64':
      return Buffer.concat([tag(field.id, 0), varint(oddNumber(random, pool))]);
    default:
      if (isEnum(field.type)) {
        const value = random() < 0.9 ? BigInt(1 + Math.floor(random() * 3)) : oddNumber(random, pool);
        return Buffer.concat([tag(field.id, 0), varint(value)]);
      }
      return lengthDelimited(field.id, written(field.type, { ...writing, depth: depth + 1 }));
  }
}

const NUMBERS: readonly bigint[] = [
  0n,
  1n,
  2n,
  3n,
  64n,
  1_000n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  8_640_000_000_000n,
  8_640_000_000_001n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
];

function oddNumber(random: () => number, pool: Pool): bigint {
  if (random() < 0.6) return BigInt(pick(random, pool.numbers) ?? 1);
  return pick(random, NUMBERS) ?? 0n;
}

const TEXTS: readonly Buffer[] = [
  '',
  ' ',
  '__proto__',
  'constructor',
  'toString',
  '../../etc/passwd',
  'a\0b',
  'line\nbreak\r\n',
  '\u{1F680}',
  '%s%n%2e',
  '"},{"',
  '9007199254740993',
  'NaN',
  'exe_00000000000000000000000009/p1.1/1',
  `exe_00000000000000000000000009/p1.1/${'9'.repeat(400)}`,
  'x'.repeat(129),
  'x'.repeat(70_000),
].map((text) => Buffer.from(text));
const BROKEN_TEXTS: readonly Buffer[] = [
  'ff',
  'c080',
  'eda080',
  'edbfbf',
  'f4908080',
  'f8888080',
  '80',
  'e28281e2',
].map((hex) => Buffer.from(hex, 'hex'));

function oddText(random: () => number, pool: Pool): Buffer {
  const dice = random();
  if (dice < 0.7) return Buffer.from(pick(random, pool.texts) ?? 'a');
  return pick(random, dice < 0.95 ? TEXTS : BROKEN_TEXTS) ?? Buffer.alloc(0);
}

/** Texts that JSON's reader takes, and that its writer or somebody else may not. */
const JSONS: readonly Buffer[] = [
  '{}',
  '{"a":1}',
  '{"a":1}',
  '[]',
  'null',
  '',
  '{',
  '{"a":NaN}',
  '{"a":1e400,"b":-1e400,"c":-0}',
  '{"a":9007199254740993,"b":0.1e-400}',
  '{"__proto__":{"polluted":true}}',
  '{"constructor":{"prototype":{"polluted":true}}}',
  '{"":"","\\u0000":"\\ud800"}',
  '{"a":1,"a":2}',
  '{"toString":1,"valueOf":2,"hasOwnProperty":3,"toJSON":4}',
  `{"a":${'['.repeat(5_000)}${']'.repeat(5_000)}}`,
  `${'{"a":'.repeat(40_000)}1${'}'.repeat(40_000)}`,
  `{"a":${'['.repeat(130_000)}${']'.repeat(130_000)}}`,
  `{"a":"${'x'.repeat(200_000)}"}`,
  `{${Array.from({ length: 20_000 }, (_, index) => `"k${index}":${index}`).join(',')}}`,
].map((text) => Buffer.from(text));

const LINES: readonly Buffer[] = [
  '{"at":"2026-01-02T03:04:05.000Z","level":"INFO","text":"a line"}\n',
  '{"at":"never","level":"INFO","text":"a line"}\n',
  '{"at":"2026-01-02T03:04:05.000Z","level":"__proto__","text":"a line"}\n',
  '{"at":{},"level":[],"text":null}\n',
  '\n',
  '\n\n\n\n',
  'no newline',
  '\u001b[2J\u0007\u009b31m\n',
  `${'x'.repeat(65_535)}\n`,
  `${'x'.repeat(65_536)}\n`,
  '\n'.repeat(5_000),
].map((text) => Buffer.from(text));

function oddBytes(name: string, { random, pool, depth }: Writing): Buffer {
  if (random() < 0.1) return randomBytes(random, Math.floor(random() * 200));
  if (/json/i.test(name)) return pick(random, JSONS) ?? Buffer.alloc(0);
  if (depth === 0 && name === 'control') return oddMessage('ControlRequest', random, pool);
  if (depth === 0 && name === 'logs') return oddMessage('LogsRequest', random, pool);
  if (random() < 0.3) return Buffer.concat([randomBytes(random, Math.floor(random() * 500)), Buffer.from('\n')]);
  return pick(random, LINES) ?? Buffer.alloc(0);
}

function fieldsOf(type: string): readonly FieldType[] {
  if (type === 'google.protobuf.Timestamp') return TIMESTAMP;
  return Object.entries(recordOf(recordOf(PACKAGE[type])['fields'])).map(([name, given]) => {
    const field = recordOf(given);
    return { name, type: String(field['type']), id: Number(field['id']), repeated: field['rule'] === 'repeated' };
  });
}

function isOneOf(type: string): boolean {
  return 'oneofs' in recordOf(PACKAGE[type]);
}

function isEnum(type: string): boolean {
  return 'values' in recordOf(PACKAGE[type]);
}

function tag(id: number, wireType: number): Buffer {
  return varint(BigInt(id * 8 + wireType));
}

function lengthDelimited(id: number, body: Buffer): Buffer {
  return Buffer.concat([tag(id, 2), varint(BigInt(body.length)), body]);
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) + 128);
  return Buffer.from([...bytes, Number(rest)]);
}

function pick<T>(random: () => number, from: readonly T[]): T | undefined {
  return from[Math.floor(random() * from.length)];
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}
