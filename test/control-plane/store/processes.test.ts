import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Store } from '@outrider/control-plane/app/ports.ts';
import { openStore } from '@outrider/control-plane/store/open.ts';
import { inDirectory } from '../../contracts/store/stores.ts';

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

/** What a killed process was told by its store. */
interface Acknowledged {
  readonly events: Map<string, number>;
  readonly settings: Set<string>;
  readonly logs: Map<string, number>;
}

function note(acknowledged: Acknowledged, line: string): void {
  const [kind, ...rest] = line.split(' ');
  if (kind === 'setting') acknowledged.settings.add(rest.join(' '));
  const [id = '', value = ''] = rest;
  if (kind === 'event') acknowledged.events.set(id, Number(value));
  if (kind === 'log') acknowledged.logs.set(id, Number(value));
}

async function requireAll(store: Store, acknowledged: Acknowledged): Promise<void> {
  for (const [id, seq] of acknowledged.events) {
    const events = await store.readEvents(id, 0, 10_000);
    assert.ok(events.length >= seq, `${id}: ${seq} events were acknowledged, ${events.length} are there`);
    assert.deepEqual(
      events.map((event) => event.seq),
      events.map((_, index) => index + 1),
    );
    assert.deepEqual(await store.verifyHistory(id), { kind: 'ok', events: events.length });
  }
  for (const key of acknowledged.settings) assert.notEqual(await store.getSetting(key), undefined, key);
  for (const [taskId, offset] of acknowledged.logs) {
    const { bytes } = await store.logDigest(taskId);
    assert.ok(bytes >= offset, `${taskId}: ${offset} bytes were acknowledged, ${bytes} are there`);
    assert.equal((await store.getTask(taskId))?.logBytes, bytes);
  }
}

describe('a control plane that is killed', () => {
  test('finds everything again that its store had acknowledged', async () => {
    await inDirectory(async (directory) => {
      const path = join(directory, 'outrider.db');
      const acknowledged: Acknowledged = { events: new Map(), settings: new Set(), logs: new Map() };
      for (let round = 0; round < 5; round++) {
        const child = start('./kill-child.ts', path, `round-${round}`);
        // It is killed after a random number of acknowledgements: somewhere in the middle of a group.
        let left = 1 + Math.floor(Math.random() * 1_500);
        for await (const line of linesOf(child)) {
          note(acknowledged, line);
          left -= 1;
          if (left === 0) child.kill('SIGKILL');
        }
        await end(child);
        assert.equal(child.signalCode, 'SIGKILL', 'it did not end by itself');
        const store = await openStore(`sqlite:${path}`);
        await requireAll(store, acknowledged);
        await store.close();
      }
      assert.ok(acknowledged.settings.size > 0 && acknowledged.events.size === 4 && acknowledged.logs.size === 4);
    });
  });
});
