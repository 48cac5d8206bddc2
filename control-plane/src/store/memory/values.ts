/** Values that `asJson` made: frozen through and through, so that everybody may have them. */
const shared = new WeakSet<object>();

/**
 * A value as it reads back from its JSON text: what a store that keeps text would answer. Without making the text, and frozen: it is
 * kept once and answered many times.
 */
export function asJson<T>(value: T): T {
  return jsonOf(value) as T;
}

/** A copy that shares nothing with the value that could change: plain objects, arrays and bytes, as the operations take and answer them. */
export function copyOf<T>(value: T): T {
  return copied(value) as T;
}

/** Order of UTF-8 bytes, the order in which databases sort text. */
export function compareText(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}

/** One key for several parts that may hold any character. */
export function keyOf(...parts: readonly string[]): string {
  return JSON.stringify(parts);
}

function copied(value: unknown): unknown {
  if (!isRecord(value) || shared.has(value)) return value;
  if (Array.isArray(value)) return value.map(copied);
  if (value instanceof Uint8Array) return new Uint8Array(value);
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(value)) put(copy, key, copied(value[key]));
  return copy;
}

/** JSON has no undefined, no -0 and no number that is not finite. */
function jsonOf(value: unknown): unknown {
  if (typeof value === 'number') return Number.isFinite(value) ? value + 0 : null;
  if (!isRecord(value) || shared.has(value)) return value;
  if (Array.isArray(value)) return frozen(value.map((element) => (element === undefined ? null : jsonOf(element))));
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(value)) if (value[key] !== undefined) put(copy, key, jsonOf(value[key]));
  return frozen(copy);
}

function frozen(value: object): object {
  shared.add(value);
  return Object.freeze(value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** A member of its own, whatever its name: an assignment to `__proto__` would change what the object is. */
function put(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== '__proto__') object[key] = value;
  else Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
}
