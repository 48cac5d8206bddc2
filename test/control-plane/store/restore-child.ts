import { restoreStore } from '@outrider/control-plane/store/sqlite/restore.ts';

/** `node restore-child.ts BACKUP STORE`: says `begins`, and restores. */
const [, , from = '', to = ''] = process.argv;
process.stdout.write('begins\n');
const atMs = Date.now();
restoreStore({ from, to, atMs, notBeforeMs: atMs + 1_000 });
