// Stands for `outrider`: starts itself again as it would under a newer Node (the same one serves here), then does what its first argument says.

import path from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { ensureNode, relaunch } from '../../../control-plane/bin/node24.mjs';

const here = fileURLToPath(import.meta.url);
const argv = process.argv.slice(2);

if (process.env['OUTRIDER_RELAUNCHED_FD'] === undefined) await relaunch(process.execPath, here, argv);
await ensureNode(here, argv);

const [what] = argv;
if (what === 'echo') {
  const answer = {
    argv,
    input: await text(process.stdin),
    marker: process.env['MARKER'],
    pathStartsWithNode: process.env['PATH']?.startsWith(path.dirname(process.execPath)),
    relaunchedAgain: 'OUTRIDER_RELAUNCHED_FD' in process.env,
  };
  process.stdout.write(JSON.stringify(answer));
  process.exitCode = 7;
} else if (what === 'wait') {
  process.once('SIGTERM', () => process.exit(42));
  let interrupts = 0;
  process.on('SIGINT', () => {
    interrupts += 1;
    // long enough for a second one to arrive, which would make it 44
    setTimeout(() => process.exit(42 + interrupts), 100);
  });
  setInterval(() => undefined, 1000);
  process.stdout.write(`ready ${process.pid}\n`);
} else if (what === 'kill-self') {
  process.kill(process.pid, 'SIGKILL');
}
