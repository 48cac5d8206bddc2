/** Anything JSON can carry. `undefined` is not JSON: leave the key out. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `Array.isArray` that keeps the type of the elements. */
export function isJsonArray(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** Whether a value is JSON through and through. */
export function isJson(value: unknown): value is Json {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value);
  if (Array.isArray(value)) return value.every(isJson);
  return typeof value === 'object' && Object.values(value).every(isJson);
}

/**
 * What other code could not do with a value that came as JSON text: walk it without running out of stack, or write it
 * again as it is (`1e400` is read as infinity, and written as null). Undefined: all is well.
 */
export function jsonTrouble(value: unknown, maxDepth: number): string | undefined {
  const open: { readonly value: unknown; readonly depth: number }[] = [{ value, depth: 1 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value: node, depth } = next;
    if (typeof node === 'number' && !Number.isFinite(node)) return 'has a number that is too large';
    if (typeof node !== 'object' || node === null) continue;
    if (depth > maxDepth) return `is nested more than ${maxDepth} deep`;
    for (const child of Object.values(node)) open.push({ value: child, depth: depth + 1 });
  }
  return undefined;
}

/** Parses JSON text that must be an object; anything else is `undefined`. Never throws. */
export function parseJsonObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** JSON with sorted keys: equal values give equal text, so that digests and tokens are stable. */
export function canonicalJson(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (isJsonObject(value)) {
    const members = Object.keys(value)
      .toSorted()
      .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key] ?? null)}`);
    return `{${members.join(',')}}`;
  }
  return JSON.stringify(value);
}
