import { readFileSync } from 'node:fs';
import { parseJsonObject } from '@outrider/shared/json.ts';

/** The version of this package, as its package.json says. */
export function versionText(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  const version = parseJsonObject(text)?.['version'];
  return typeof version === 'string' ? version : 'unknown';
}
