import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { showAlive } from '@outrider/delegate/agent/alive.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'outrider-alive-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

const LONGEST_WAIT_MS = 5000;

test('a delegate that runs keeps its sign of life fresh, and one that stopped lets it grow old', async () => {
  const folder = path.join(scratch, 'data');
  const sign = path.join(folder, 'alive');
  const anHourAgo = new Date(Date.now() - 3_600_000);
  const alive = showAlive(folder, 5);
  assert.ok(existsSync(sign), 'there from the start, in a folder that it makes');
  utimesSync(sign, anHourAgo, anHourAgo);
  for (let waited = 0; statSync(sign).mtimeMs <= anHourAgo.getTime(); waited += 5) {
    assert.ok(waited < LONGEST_WAIT_MS, 'it was not renewed');
    await delay(5);
  }
  alive.stop();
  utimesSync(sign, anHourAgo, anHourAgo);
  await delay(50);
  assert.equal(statSync(sign).mtimeMs, anHourAgo.getTime());
});

test('a data folder that cannot be written does not end the delegate by this', () => {
  const file = path.join(scratch, 'a-file');
  writeFileSync(file, '');
  showAlive(path.join(file, 'below'), 1000).stop();
});
