import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import type { Store } from '@outrider/control-plane/app/ports.ts';
import { openStore } from '@outrider/control-plane/store/open.ts';

/** Every implementation of the store: a new one is a line here, and all of the contract comes with it. */
export const STORE_URLS: Readonly<Record<string, (directory: string) => string>> = {
  memory: () => 'memory:',
  sqlite: (directory) => `sqlite:${join(directory, 'outrider.db')}`,
};

/** Runs the same tests on each store; those of one file share the store and keep apart by their ids. */
export function forEachStore(title: string, tests: (store: () => Store) => void): void {
  for (const [name, urlOf] of Object.entries(STORE_URLS)) {
    describe(`${title}, ${name}`, () => {
      const directory = mkdtempSync(join(tmpdir(), 'outrider-store-'));
      let store: Store | undefined;
      before(async () => {
        store = await openStore(urlOf(directory));
      });
      after(async () => {
        await store?.close();
        rmSync(directory, { recursive: true, force: true });
      });
      tests(() => {
        if (store === undefined) throw new Error('the store is not open yet');
        return store;
      });
    });
  }
}

/** A directory that is there while `use` runs. */
export async function inDirectory<T>(use: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'outrider-store-'));
  try {
    return await use(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
