import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { findOrInstallNode, isNewEnough, NODE_BUILDS, OLDEST_NODE } from '../../../control-plane/bin/node24.mjs';
import { ROOT } from '../../architecture/tree.ts';

const LAUNCHED = fileURLToPath(new URL('./launched.mjs', import.meta.url));
const LONGEST_WAIT_MS = 20_000;

const scratch = mkdtempSync(path.join(tmpdir(), 'outrider-node24-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

describe('telling whether a Node is new enough', () => {
  test('compares versions number by number', () => {
    for (const enough of ['v24.15.0', '24.15.1', '24.100.0', 'v26.0.0', '25.0.0-nightly20260101'])
      assert.ok(isNewEnough(enough), enough);
    for (const old of ['v20.20.2', '22.19.0', '24.14.9', 'v24.9.0']) assert.ok(!isNewEnough(old), old);
  });

  test('every Node that can be brought along is new enough, exact and checksummed', () => {
    for (const [platform, build] of Object.entries(NODE_BUILDS)) {
      assert.ok(isNewEnough(build.version), `${platform} gets ${build.version}`);
      assert.match(build.version, /^\d+\.\d+\.\d+$/);
      assert.match(build.integrity, /^sha512-[A-Za-z0-9+/]{86}==$/);
    }
  });

  test('every package.json asks for the same Node', () => {
    for (const place of ['', 'shared', 'control-plane', 'delegate', 'simulator']) {
      const file: { engines: { node: string } } = JSON.parse(
        readFileSync(path.join(ROOT, place, 'package.json'), 'utf8'),
      );
      assert.equal(`${file.engines.node}.0`, `>=${OLDEST_NODE}`, place);
    }
  });
});

describe('bringing a newer Node along', () => {
  const install = async (build: { name: string; binary: string }, into: string): Promise<void> => {
    const binary = path.join(into, 'node_modules', build.name, build.binary);
    mkdirSync(path.dirname(binary), { recursive: true });
    await delay(20);
    writeFileSync(binary, '#!/bin/sh\n');
    chmodSync(binary, 0o755);
  };

  test('several first starts at once install one Node and all use it', async () => {
    const directory = path.join(scratch, 'together');
    const found = await Promise.all(Array.from({ length: 5 }, () => findOrInstallNode({ directory, install })));
    assert.equal(new Set(found).size, 1);
    assert.ok(existsSync(found[0] ?? ''));
    assert.equal(readdirSync(directory).length, 1, 'nothing else is left');
  });

  test('a Node that is there already is not fetched again', async () => {
    const directory = path.join(scratch, 'again');
    const first = await findOrInstallNode({ directory, install });
    const second = await findOrInstallNode({ directory, install: () => assert.fail('fetched again') });
    assert.equal(second, first);
  });

  test('a fetch that fails leaves nothing that looks like a Node, and says why', async () => {
    const directory = path.join(scratch, 'fails');
    const fails = async (build: { name: string }, into: string): Promise<void> => {
      mkdirSync(path.join(into, 'node_modules', build.name), { recursive: true });
      throw new Error('the registry does not answer');
    };
    await assert.rejects(findOrInstallNode({ directory, install: fails }), /the registry does not answer/);
    assert.deepEqual(readdirSync(directory), []);
    assert.ok(existsSync(await findOrInstallNode({ directory, install })), 'the next start succeeds');
  });

  test('what a killed start left behind is removed, what another is still writing is not', async () => {
    const directory = path.join(scratch, 'left');
    const build = NODE_BUILDS[`${process.platform}-${process.arch}`];
    assert.ok(build !== undefined);
    const abandoned = path.join(directory, `${build.name}-${build.version}.unfinished-1-aa`);
    const running = path.join(directory, `${build.name}-${build.version}.unfinished-2-bb`);
    for (const folder of [abandoned, running]) mkdirSync(folder, { recursive: true });
    const twoHoursAgo = new Date(Date.now() - 2 * 60 * 60 * 1000);
    utimesSync(abandoned, twoHoursAgo, twoHoursAgo);
    await findOrInstallNode({ directory, install });
    assert.ok(!existsSync(abandoned));
    assert.ok(existsSync(running));
  });
});

describe('a program started again under another Node', () => {
  test('gets the arguments, the input and the environment, and its output and exit code are passed on', async () => {
    const child = launch(['echo', 'two words', '--flag', '']);
    child.stdin?.end('from standard input');
    const output = await outputOf(child);
    assert.deepEqual(JSON.parse(output), {
      argv: ['echo', 'two words', '--flag', ''],
      input: 'from standard input',
      marker: 'kept',
      pathStartsWithNode: true,
      relaunchedAgain: false,
    });
    assert.deepEqual([child.exitCode, child.signalCode], [7, null]);
  });

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`${signal} sent to the launcher reaches it once, and it may end in its own way`, async () => {
      const child = launch(['wait']);
      await line(child, 'ready');
      child.kill(signal);
      await once(child, 'close');
      assert.deepEqual([child.exitCode, child.signalCode], [41, null]);
    });

    test(`${signal} sent to the whole group, as terminals and service managers do, reaches it once`, async () => {
      const child = launch(['wait'], { detached: true });
      await line(child, 'ready');
      assert.ok(child.pid !== undefined);
      process.kill(-child.pid, signal);
      await once(child, 'close');
      assert.deepEqual([child.exitCode, child.signalCode], [41, null]);
    });

    test(`${signal} sent twice reaches it twice: the second one means at once`, async () => {
      for (const detached of [false, true]) {
        const child = launch(['wait'], { detached });
        await line(child, 'ready');
        assert.ok(child.pid !== undefined);
        const target = detached ? -child.pid : child.pid;
        process.kill(target, signal);
        await line(child, 'signal 1');
        process.kill(target, signal);
        await once(child, 'close');
        assert.deepEqual([child.exitCode, child.signalCode], [42, null]);
      }
    });

    test(`${signal} ends it where it has nothing to say to that`, async () => {
      const child = launch(['wait-unheeding']);
      await line(child, 'ready');
      child.kill(signal);
      await once(child, 'close');
      assert.deepEqual([child.exitCode, child.signalCode], [null, signal]);
    });
  }

  test('ended by a signal, it ends the launcher by the same signal', async () => {
    const child = launch(['kill-self']);
    await once(child, 'close');
    assert.equal(child.signalCode, 'SIGKILL');
  });

  test('a launcher that is killed outright takes it along', async () => {
    const child = launch(['wait']);
    const pid = Number((await line(child, 'ready')).split(' ')[1]);
    assert.ok(isAlive(pid));
    child.kill('SIGKILL');
    for (let waited = 0; isAlive(pid); waited += 20) {
      assert.ok(waited < LONGEST_WAIT_MS, `${pid} outlived its launcher`);
      await delay(20);
    }
  });
});

function launch(argv: readonly string[], options: { readonly detached?: boolean } = {}): ChildProcess {
  return spawn(process.execPath, [LAUNCHED, ...argv], {
    env: { ...process.env, MARKER: 'kept' },
    stdio: ['pipe', 'pipe', 'inherit'],
    ...options,
  });
}

async function outputOf(child: ChildProcess): Promise<string> {
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk) => {
    output += chunk;
  });
  await once(child, 'close');
  return output;
}

async function line(child: ChildProcess, start: string): Promise<string> {
  assert.ok(child.stdout !== null);
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    const text = String(chunk);
    if (text.startsWith(start)) return text.trim();
  }
  return assert.fail(`the program ended without saying ${start}`);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
