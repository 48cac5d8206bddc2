import { Journal } from '@outrider/delegate/agent/journal.ts';

/** `node open-journal-child.ts DIRECTORY`: opens a delegate's journal as it lies there, and closes it. */
const [, , directory = ''] = process.argv;
const logger = { debug() {}, info() {}, warn() {}, error() {} };
const journal = await Journal.open({ directory, logger, now: () => Date.now() });
await journal.close();
