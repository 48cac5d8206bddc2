import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { BUG_VARIABLE, noteEdit } from './bug-state.ts';
import { bugNamed, editsOf, withEdits } from './seeded-bugs.ts';

/**
 * Preloaded by a worker that is to have a seeded bug: changes the text of the files that the bug is about as they are loaded.
 * Nothing of it is in what ships, and no file is written.
 */
const name = process.env[BUG_VARIABLE];
const bug = name === undefined ? undefined : bugNamed(name);
if (name !== undefined && bug === undefined) throw new Error(`there is no seeded bug ${name}`);

if (bug !== undefined) {
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      const edits = url.startsWith('file:') ? editsOf(bug, fileURLToPath(url)) : [];
      if (edits.length === 0) return loaded;
      const { source } = loaded;
      if (source === undefined || source === null) throw new Error(`${url} has no text to plant a bug in`);
      const text = typeof source === 'string' ? source : Buffer.from(asBytes(source)).toString('utf8');
      for (const _ of edits) noteEdit();
      return { ...loaded, source: withEdits(text, edits) };
    },
  });
}

function asBytes(source: ArrayBuffer | NodeJS.TypedArray): Uint8Array {
  return source instanceof ArrayBuffer
    ? new Uint8Array(source)
    : new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
}
