import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openStore } from '@outrider/control-plane/store/open.ts';
import { inDirectory } from '../../contracts/store/stores.ts';
import { killRounds } from './kill-rounds.ts';

function start(script: string, ...args: readonly string[]): ChildProcess {
  const path = fileURLToPath(new URL(script, import.meta.url));
  return spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** The lines that a process writes, until it ends or the reader leaves. */
function linesOf(child: ChildProcess): AsyncIterableIterator<string> {
  assert.ok(child.stdout !== null);
  return createInterface({ input: child.stdout })[Symbol.asyncIterator]();
}

async function firstLine(child: ChildProcess): Promise<string> {
  const { value } = await linesOf(child).next();
  return typeof value === 'string' ? value : '';
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.kill('SIGKILL');
  await closed;
}

describe('one store, one process', () => {
  test('a second process is refused and told who has the store; once that one is killed it gets in', async () => {
    await inDirectory(async (directory) => {
      const path = join(directory, 'outrider.db');
      const holder = start('./lock-child.ts', path);
      const second = start('./lock-child.ts', path);
      try {
        const said = await Promise.all([firstLine(holder), firstLine(second)]);
        assert.equal(said.filter((line) => line === 'open').length, 1, said.join('; '));
        const [winner, loser] = said[0] === 'open' ? [holder, said[1]] : [second, said[0]];
        const refusal: unknown = JSON.parse(loser ?? '');
        const third = start('./lock-child.ts', path);
        const late: unknown = JSON.parse(await firstLine(third));
        await end(third);
        assert.deepEqual(late, {
          code: 'store-locked',
          message: `The store ${path} is in use by process ${winner.pid}`,
          data: { file: path, pid: winner.pid },
        });
        assert.match(JSON.stringify(refusal), /"store-locked"/);

        await end(winner);
        const store = await openStore(`sqlite:${path}`);
        assert.equal(await store.getSetting(`opened by ${winner.pid}`), 'yes');
        await store.close();
      } finally {
        await end(holder);
        await end(second);
      }
    });
  });

  test('the same process is refused a second time too, and the first goes on undisturbed', async () => {
    await inDirectory(async (directory) => {
      const url = `sqlite:${join(directory, 'outrider.db')}`;
      const store = await openStore(url);
      await assert.rejects(openStore(url), { code: 'store-locked' });
      const stranger = start('./lock-child.ts', join(directory, 'outrider.db'));
      assert.match(await firstLine(stranger), /store-locked/, 'the lock survived the refused opening');
      await end(stranger);
      await store.check();
      await store.close();
      await (await openStore(url)).close();
    });
  });
});

describe('a control plane that is killed', () => {
  test('finds everything again that its store had acknowledged', async (context) => {
    const { count, acknowledged, findings } = await killRounds(5);
    context.diagnostic(`${count} kills, ${acknowledged} acknowledged writes, ${findings.length} findings`);
    assert.deepEqual(findings.slice(0, 20), []);
  });
});
