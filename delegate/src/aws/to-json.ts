import { isJsonObject, type Json, type JsonObject } from '@outrider/shared/json.ts';

/** An SDK answer as plain JSON: dates become ISO text, what is undefined and the SDK's own `$metadata` are left out. */
export function toJson(value: unknown): Json {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value !== 'object') return null;
  const members: Record<string, Json> = {};
  for (const [key, member] of Object.entries(value)) {
    if (member !== undefined && key !== '$metadata') members[key] = toJson(member);
  }
  return members;
}

export function toJsonObject(value: object): JsonObject {
  const json = toJson(value);
  return isJsonObject(json) ? json : {};
}
