import { isJsonObject, type Json } from '@outrider/shared/json.ts';

const TIMES = /^(at|.*[a-z]At|.*Time|deregisteredAt)$/;

/** Ids and addresses are given by AWS as it likes; times are those of the run. */
export function withoutIds(value: Json): Json {
  if (typeof value === 'string') return textWithoutIds(value);
  if (Array.isArray(value)) return value.map((each: Json) => withoutIds(each));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !TIMES.test(key))
      .map(([key, member]) => [key, withoutIds(member)]),
  );
}

export function textWithoutIds(text: string): string {
  return text
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, 'UUID')
    .replace(/\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d\.\d{3}Z?/g, 'TIME')
    .replace(/\b(?!\d{12}\b)[0-9a-f]{12,}\b/g, 'ID')
    .replace(/ecs-svc\/\d+/g, 'ecs-svc/ID')
    .replace(/\b(10\.0|127\.0\.0)\.\d+(\.\d+)?\b/g, 'ADDRESS');
}
