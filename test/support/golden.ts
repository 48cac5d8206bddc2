import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const GOLDEN = fileURLToPath(new URL('../golden/', import.meta.url));

/**
 * Compares with `test/golden/NAME`. With UPDATE_GOLDEN=1 the file is written anew instead: look at the difference before it is
 * committed.
 */
export function matchGolden(name: string, actual: string): void {
  const file = path.join(GOLDEN, name);
  if (process.env['UPDATE_GOLDEN'] === '1') {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, actual);
    return;
  }
  assert.ok(existsSync(file), `${name} does not exist; run the test once with UPDATE_GOLDEN=1`);
  assert.equal(actual, readFileSync(file, 'utf8'), `the screen differs from test/golden/${name}`);
}

/** Ids, times, durations and addresses as words of the same width where that matters for columns. */
export function normalized(screen: string): string {
  const ids = new Map<string, string>();
  return (
    screen
      .replace(/exe_[0-9A-Z]{26}/g, (id) => {
        const known = ids.get(id) ?? `exe_${String(ids.size + 1).padStart(26, '0')}`;
        ids.set(id, known);
        return known;
      })
      .replace(/http:\/\/127\.0\.0\.1:[0-9]+/g, 'http://HOST')
      .replace(/[0-9]{4}-[0-9]{2}-[0-9]{2}([ T])[0-9:]{8}(\.[0-9]{3})?Z/g, 'DATE$1TIMEZ')
      .replace(/[0-9]{2}:[0-9]{2}:[0-9]{2}Z/g, 'TIMEZ')
      .replace(/(<1s|\b[0-9]{1,2}s\b)/g, (span) => 'T'.padEnd(span.length, '.'))
      .replace(/T\.+/g, 'T')
      .replace(/ +T\b/g, ' T')
      // What follows in the next column is padded for the span that stood there.
      .replace(/\bT( ago)? {2,}/g, 'T$1  ')
      .replace(/[ ]+$/gm, '')
  );
}
