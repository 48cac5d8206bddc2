import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startTestApi } from '../../support/api.ts';
import { cli } from '../../support/cli.ts';
import { eventually, type Finished, type Running, startOutrider } from '../../support/processes.ts';

const KEY = 'ok_first_0123456789abcdef0123456789abcdef0123456789abcdef';
const OPERATOR_NEEDED = /admin/;

describe('backup and restore, with a control plane of their own', () => {
  let directory: string;
  let controlPlane: Running;
  let url: string;
  const running: Running[] = [];
  const store = () => path.join(directory, 'store', 'outrider.db');
  const file = (name: string) => path.join(directory, name);
  const environment = () => ({
    OUTRIDER_STORE: `sqlite:${store()}`,
    OUTRIDER_HTTP_ADDR: '127.0.0.1:0',
    OUTRIDER_GRPC_ADDR: '127.0.0.1:0',
    OUTRIDER_DATA_DIR: path.join(directory, 'data'),
    OUTRIDER_BOOTSTRAP_KEY: KEY,
  });
  const start = async () => {
    controlPlane = startOutrider(['control-plane'], environment());
    running.push(controlPlane);
    const found = () => /Operator API and page: (\S+)/.exec(controlPlane.stderr())?.[1];
    url = await eventually('the control plane names its address', found);
  };
  const outrider = async (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Finished> => {
    const ca = path.join(directory, 'data', 'ca.pem');
    const given = { ...environment(), OUTRIDER_URL: url, OUTRIDER_API_KEY: KEY, OUTRIDER_CA_FILE: ca, ...env };
    const process = startOutrider(args, given);
    running.push(process);
    return await process.finished;
  };

  before(async () => {
    directory = mkdtempSync(path.join(tmpdir(), 'outrider-backup-'));
    await start();
  });
  after(async () => {
    await Promise.all(running.map((process) => process.end('SIGKILL')));
    rmSync(directory, { recursive: true, force: true });
  });

  test('a backup is taken from a running control plane, and brought back when it is down', async () => {
    const first = await outrider(['backup', file('first.db')]);
    assert.equal(first.exitCode, 0, first.stderr);
    assert.equal(first.stdout, `${file('first.db')}\n`);
    assert.match(
      first.stderr,
      /^Backed up: 0 executions, 0 steps under way, [0-9.]+ MB\. Bring it back with: outrider restore /,
    );
    assert.match(controlPlane.stderr(), /A backup of the store was made/);

    const made = await outrider(['keys', 'create', 'later', '--json']);
    assert.equal(made.exitCode, 0, made.stderr);
    const told = await outrider(['backup', file('second.db'), '--json']);
    const report: Record<string, unknown> = JSON.parse(told.stdout);
    const bytes = readFileSync(file('second.db')).length;
    assert.deepEqual([report['file'], report['bytes'], report['executions']], [file('second.db'), bytes, 0]);
    assert.match(String(report['sha256']), /^[0-9a-f]{64}$/);

    const busy = await outrider(['restore', file('first.db')]);
    assert.equal(busy.exitCode, 1, busy.stderr);
    assert.equal(busy.stdout, '');
    assert.match(busy.stderr, new RegExp(`is in use by process ${controlPlane.child.pid}`));

    assert.equal((await controlPlane.end('SIGKILL')).exitCode, -1);
    const restored = await outrider(['restore', file('first.db'), '--json']);
    assert.equal(restored.exitCode, 0, restored.stderr);
    const answer: Record<string, unknown> = JSON.parse(restored.stdout);
    assert.deepEqual([answer['store'], answer['from'], answer['generation']], [store(), file('first.db'), 1]);
    assert.ok(existsSync(String(answer['replaced'])));
    assert.match(restored.stderr, /No step is given to a delegate before 20/);

    await start();
    assert.match(controlPlane.stderr(), /The store was restored from a backup/);
    const keys = await outrider(['keys', 'list', '--json']);
    assert.equal(keys.exitCode, 0, keys.stderr);
    assert.doesNotMatch(keys.stdout, /later/);
  });

  test('an existing file is not replaced: exit 1; no file is named: exit 2; a key that may not: exit 4', async () => {
    writeFileSync(file('mine.db'), 'mine');
    const existing = await outrider(['backup', file('mine.db')]);
    assert.equal(existing.exitCode, 1, existing.stderr);
    assert.match(existing.stderr, /mine\.db exists already/);
    assert.equal(readFileSync(file('mine.db'), 'utf8'), 'mine');
    const nameless = await outrider(['restore']);
    assert.equal(nameless.exitCode, 2, nameless.stderr);

    const key = (await outrider(['keys', 'create', 'ci', '--role', 'operator'])).stdout.trim();
    const refused = await outrider(['backup', file('ci.db')], { OUTRIDER_API_KEY: key });
    assert.equal(refused.exitCode, 4, refused.stderr);
    assert.match(refused.stderr, OPERATOR_NEEDED);
    const nowhere = await outrider(['backup', file('none/x.db')]);
    assert.equal(nowhere.exitCode, 1, nowhere.stderr);
    assert.match(nowhere.stderr, /cannot be written/);
    assert.deepEqual(
      readdirSync(directory).filter((name) => name.endsWith('.partial') || name.startsWith('ci')),
      [],
    );
  });

  test('offline, the store is copied only while nobody has it; what is no store is not restored: exit 1', async () => {
    const busy = await outrider(['backup', '--offline', file('offline.db')]);
    assert.equal(busy.exitCode, 1, busy.stderr);
    assert.match(busy.stderr, /is in use by process/);
    await controlPlane.end('SIGTERM');
    const copied = await outrider(['backup', '--offline', file('offline.db')]);
    assert.equal(copied.exitCode, 0, copied.stderr);
    const notes = await outrider(['restore', file('mine.db')]);
    assert.equal(notes.exitCode, 1, notes.stderr);
    assert.match(notes.stderr, /mine\.db is not a database of Outrider/);
    const memory = await outrider(['restore', file('offline.db')], { OUTRIDER_STORE: 'memory:' });
    assert.equal(memory.exitCode, 2, memory.stderr);
    const restored = await outrider(['restore', file('offline.db')]);
    assert.equal(restored.exitCode, 0, restored.stderr);
    assert.equal(restored.stdout, `${store()}\n`);
    assert.match(restored.stderr, /restore generation 2/);
  });
});

test('a reader that goes away before or while it is sent leaves the way free for the next', async () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'outrider-backup-'));
  const api = await startTestApi({ OUTRIDER_STORE: `sqlite:${path.join(directory, 'outrider.db')}` });
  try {
    const early = new AbortController();
    const given = fetch(`${api.url}/v1/backup`, { signal: early.signal });
    setImmediate(() => early.abort());
    await assert.rejects(given);
    const late = await eventually('the next is taken', async () => {
      const response = await fetch(`${api.url}/v1/backup`);
      if (response.status === 200) return response;
      assert.equal(response.status, 503);
      await response.body?.cancel();
      return undefined;
    });
    await late.body?.cancel();
    const whole = await eventually('and the one after that', async () => {
      const response = await fetch(`${api.url}/v1/backup`);
      const bytes = (await response.arrayBuffer()).byteLength;
      return response.status === 200 ? { bytes, length: response.headers.get('content-length') } : undefined;
    });
    assert.equal(whole.length, String(whole.bytes));
    assert.deepEqual(
      readdirSync(directory).filter((name) => name.includes('being-copied')),
      [],
    );
  } finally {
    await api.close();
    rmSync(directory, { recursive: true, force: true });
  }
});

test('a control plane that keeps its store in memory says that there is nothing to back up', async () => {
  const api = await startTestApi();
  try {
    const { code, stderr } = await cli(api.url, ['backup', path.join(tmpdir(), 'outrider-never.db')]);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /keeps its store in memory/);
    assert.equal(existsSync(path.join(tmpdir(), 'outrider-never.db.partial')), false);
  } finally {
    await api.close();
  }
});
