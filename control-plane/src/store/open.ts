import { OutriderError } from '@outrider/shared/errors.ts';
import type { Store } from '../app/ports.ts';
import { createMemoryStore } from './memory.ts';

/**
 * Opens the store that `OUTRIDER_STORE` names. Throws `configuration-invalid` for anything that names none.
 */
export async function openStore(url: string): Promise<Store> {
  if (url === 'memory:') return createMemoryStore();
  throw new OutriderError('configuration-invalid', `OUTRIDER_STORE names no store that there is`);
}
