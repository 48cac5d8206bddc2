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
  let signals = 0;
  for (const name of ['SIGTERM', 'SIGINT']) {
    process.on(name, () => {
      signals += 1;
      process.stdout.write(`signal ${signals}\n`);
      // long enough for a second one to arrive, which makes it 42
      setTimeout(() => process.exit(40 + signals), 400);
    });
  }
  setInterval(() => undefined, 1000);
  process.stdout.write(`ready ${process.pid}\n`);
} else if (what === 'wait-unheeding') {
  setInterval(() => undefined, 1000);
  process.stdout.write(`ready ${process.pid}\n`);
} else if (what === 'kill-self') {
  process.kill(process.pid, 'SIGKILL');
}
