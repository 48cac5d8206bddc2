import { readJson } from '../json-text.ts';

/** A value as it reads back from its JSON text: what a store that keeps text would answer. */
export function asJson<T>(value: T): T {
  return readJson<T>(JSON.stringify(value));
}

/** Order of UTF-8 bytes, the order in which databases sort text. */
export function compareText(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}

/** One key for several parts that may hold any character. */
export function keyOf(...parts: readonly string[]): string {
  return JSON.stringify(parts);
}
