import { AwsError } from '../wire/aws-error.ts';
import type { Fault, FaultKind } from '../world/faults.ts';

type FieldType = 'string' | 'number';

interface FieldRule {
  readonly type: FieldType;
  readonly required?: true;
  readonly oneOf?: readonly string[];
}

const TEXT: FieldRule = { type: 'string' };
const NUMBER: FieldRule = { type: 'number' };
const POINT: FieldRule = { type: 'string', oneOf: ['request', 'response'] };
const CALL = { operation: TEXT, resource: TEXT } as const;
const IMAGE = { image: { type: 'string', required: true } } as const;

/** Fields of each kind of fault, beside `kind`, `count` and `after`. */
const FIELDS: Readonly<Record<FaultKind, Readonly<Record<string, FieldRule>>>> = {
  throttle: CALL,
  'server-error': { ...CALL, status: NUMBER },
  error: {
    ...CALL,
    code: { type: 'string', required: true },
    message: { type: 'string', required: true },
    status: NUMBER,
  },
  'lost-response': CALL,
  'lost-request': CALL,
  delay: { ...CALL, milliseconds: { type: 'number', required: true }, point: POINT },
  freeze: { ...CALL, point: POINT },
  'stale-read': { ...CALL, seconds: { type: 'number', required: true } },
  'image-pull-failure': { ...IMAGE, message: TEXT },
  'start-failure': { ...IMAGE, stoppedReason: { type: 'string', required: true }, containerReason: TEXT },
  crash: { ...IMAGE, exitCode: NUMBER, afterSeconds: NUMBER, output: TEXT },
  'out-of-memory': { ...IMAGE, afterSeconds: NUMBER },
  'container-unhealthy': IMAGE,
  'target-unhealthy': { ...IMAGE, reason: { type: 'string', oneOf: ['response-code', 'timeout'] } },
  'no-capacity': { cluster: TEXT, message: TEXT },
  'placement-failure': { cluster: TEXT, text: { type: 'string', required: true } },
  'agent-blocked': { instance: TEXT },
  autoscaler: { service: { type: 'string', required: true }, desired: NUMBER, everySeconds: NUMBER },
};

/** Checks a fault that came from outside. Throws AwsError (ValidationException) that says what is wrong with it. */
export function parseFault(raw: unknown): Fault {
  if (!isFault(raw)) throw refuse('a fault is a JSON object');
  return raw;
}

function isFault(raw: unknown): raw is Fault {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return false;
  const fields = new Map<string, unknown>(Object.entries(raw));
  const kind = fields.get('kind');
  const kindName = typeof kind === 'string' ? kind : '';
  const rules = typeof kind === 'string' && isKind(kind) ? FIELDS[kind] : undefined;
  if (rules === undefined) throw refuse(`kind must be one of ${Object.keys(FIELDS).join(', ')}`);
  for (const [name, value] of fields) {
    if (name === 'kind' || value === undefined) continue;
    const rule = name === 'count' || name === 'after' ? NUMBER : rules[name];
    if (rule === undefined) throw refuse(`${kindName} has no field ${name}`);
    if (typeof value !== rule.type || (typeof value === 'number' && !(value >= 0 && Number.isFinite(value)))) {
      throw refuse(`${name} must be a ${rule.type === 'number' ? 'number from 0 up' : 'string'}`);
    }
    if (rule.oneOf !== undefined && !(typeof value === 'string' && rule.oneOf.includes(value))) {
      throw refuse(`${name} must be one of ${rule.oneOf.join(', ')}`);
    }
  }
  for (const [name, rule] of Object.entries(rules)) {
    if (rule.required === true && fields.get(name) === undefined) throw refuse(`${kindName} needs ${name}`);
  }
  const count = fields.get('count');
  if (count === 0) throw refuse('count must be at least 1');
  return true;
}

function isKind(text: string): text is FaultKind {
  return Object.hasOwn(FIELDS, text);
}

function refuse(message: string): AwsError {
  return new AwsError('ValidationException', message);
}
