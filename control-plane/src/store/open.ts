import { OutriderError } from '@outrider/shared/errors.ts';
import { createMemoryStore } from './memory.ts';
import type { OpenedStore } from './operations.ts';
import { openSqliteStore } from './sqlite/store.ts';

/**
 * Opens the store that `OUTRIDER_STORE` names: `memory:` forgets everything at the end of the process, `sqlite:PATH`
 * keeps it in that file (relative to the working directory; its directories are made). Throws `configuration-invalid`
 * for anything else, `store-locked` when another process has the file, `store-failed` when it cannot be used.
 */
export async function openStore(url: string): Promise<OpenedStore> {
  if (url === 'memory:') return { ...createMemoryStore(), backups: null };
  const { scheme, rest } = splitUrl(url);
  switch (scheme) {
    case 'sqlite':
      return openSqliteStore(sqlitePath(rest));
    case 'postgres':
    case 'postgresql':
      throw invalid('PostgreSQL is not available in this version');
    case 'memory':
      throw invalid('memory: takes nothing after the colon');
    case undefined:
      throw invalid('there is no kind of store before a colon');
    default:
      throw invalid(`there is no kind of store called ${scheme}`);
  }
}

/** The path that `OUTRIDER_STORE` names; undefined for a store that is not a file. Throws as `openStore` does. */
export function storeFile(url: string): string | undefined {
  const { scheme, rest } = splitUrl(url);
  return scheme === 'sqlite' ? sqlitePath(rest) : undefined;
}

function sqlitePath(rest: string): string {
  if (rest === '' || rest === ':memory:') throw invalid('sqlite: needs the path of a file');
  if (rest.startsWith('//')) throw invalid('sqlite: takes a path, not a URL with //');
  return rest;
}

/** The message never repeats the value: it may hold a password. */
function invalid(why: string): OutriderError {
  return new OutriderError('configuration-invalid', `OUTRIDER_STORE is not valid: ${why}`, {
    hint: 'Write `sqlite:PATH`, for example sqlite:.outrider/outrider.db, or `memory:`.',
    data: { variable: 'OUTRIDER_STORE' },
  });
}

function splitUrl(url: string): { readonly scheme: string | undefined; readonly rest: string } {
  const match = /^([a-z][a-z0-9+.-]{0,31}):(.*)$/s.exec(url);
  return { scheme: match?.[1], rest: match?.[2] ?? '' };
}
