// needs: cc
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openStore } from '@outrider/control-plane/store/open.ts';
import { backUpClosedStore } from '@outrider/control-plane/store/sqlite/closed-backup.ts';
import { inspectStoreFile } from '@outrider/control-plane/store/sqlite/inspect.ts';
import { closeDatabase, openDatabase } from '@outrider/control-plane/store/sqlite/open-database.ts';
import { Disk, ENDINGS } from '../../power-loss/disk.ts';
import { eventually, type Running, startOutrider } from '../../support/processes.ts';

const LINUX = { skip: process.platform === 'linux' ? false : 'the shim is for Linux' };

interface Answer {
  readonly status: number;
  readonly json: Record<string, unknown>;
}

describe('a control plane whose disk fails', LINUX, () => {
  let disk: Disk;
  let controlPlane: Running;
  let url: string;
  let made = 0;

  before(async () => {
    disk = new Disk();
    disk.settle();
    controlPlane = startOutrider(['control-plane'], {
      ...textsOf(disk.environment()),
      OUTRIDER_INSECURE: '1',
      OUTRIDER_STORE: `sqlite:${join(disk.live, 'outrider.db')}`,
      OUTRIDER_HTTP_ADDR: '127.0.0.1:0',
      OUTRIDER_GRPC_ADDR: '127.0.0.1:0',
    });
    const found = () => /Operator API and page: (\S+)/.exec(controlPlane.stderr())?.[1];
    url = await eventually('the control plane names its address', found);
  });
  after(async () => {
    await controlPlane.end('SIGKILL');
    disk.remove();
  });

  const call = async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const response = await fetch(`${url}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    return { status: response.status, json: JSON.parse(await response.text()) };
  };
  /** Stores an environment with a description so long that the file must grow. */
  const put = async (name: string): Promise<Answer> => {
    made += 1;
    const value = `${made} ${'x'.repeat(20_000)}`;
    const spec = { type: 'NON_PROD', variables: [{ name: 'TEXT', value }] };
    const document = { apiVersion: 'outrider/v1', kind: 'Environment', metadata: { name, application: 'ECS' }, spec };
    return await call('PUT', `/v1/environments/${name}?application=ECS`, document);
  };
  const read = (name: string) => call('GET', `/v1/environments/${name}?application=ECS`);
  /** As the next process would find it, whatever ends this one now. */
  const auditAll = async (names: readonly string[]) => {
    for (const loss of ENDINGS) {
      const image = disk.image(loss, Math.random);
      const store = await openStore(`sqlite:${join(image, 'outrider.db')}`);
      for (const name of names) {
        const ref = { kind: 'Environment', application: 'ECS', name } as const;
        assert.ok((await store.getResource(ref)) !== undefined, `${name} is there after ${JSON.stringify(loss)}`);
      }
      await store.close();
      inspectStoreFile(join(image, 'outrider.db'));
      disk.discard(image);
    }
  };

  const failures = [
    {
      says: 'is full',
      fail: (on: boolean) => disk.full(on),
      message: /^There is no room left for the store .*outrider\.db: /,
      hint: /Make room on its disk/,
    },
    {
      says: 'does not flush any more',
      fail: (on: boolean) => disk.flushesFail(on),
      message: /^The store .*outrider\.db cannot be read or written: /,
      hint: /disk is sound/,
    },
  ];
  for (const [index, { says, fail, message, hint }] of failures.entries()) {
    test(`says so when it ${says}, keeps what it had, stores nothing by halves, and goes on when that is over`, async () => {
      const [kept, later] = [`kept-${index}`, `later-${index}`];
      let lost = '';
      assert.equal((await put(kept)).status, 201);
      assert.equal((await call('GET', '/readyz')).status, 200);
      fail(true);
      try {
        const refused = await eventually('a write is refused', async () => {
          lost = `lost-${made}`;
          const answer = await put(lost);
          return answer.status >= 500 ? answer : undefined;
        });
        assert.equal(refused.json['code'], 'store-failed', JSON.stringify(refused.json));
        assert.match(String(refused.json['detail']), message);
        assert.match(String(refused.json['hint']), hint);
        const ready = await call('GET', '/readyz');
        assert.equal(ready.status, 503);
        assert.match(JSON.stringify(ready.json), /store: (There is no room|The store .* cannot be)/);
        assert.equal((await call('GET', '/healthz')).status, 200);
        assert.equal((await read(kept)).status, 200, 'what is there can still be read');
        await auditAll([kept]);
      } finally {
        fail(false);
      }
      await eventually('it is ready again', async () =>
        (await call('GET', '/readyz')).status === 200 ? true : undefined,
      );
      assert.equal((await read(lost)).status, 404, 'nothing of the refused write is there');
      assert.equal((await put(later)).status, 201);
      await auditAll([kept, later]);
    });
  }
});

describe('a store that is opened on a full disk', LINUX, () => {
  let disk: Disk;
  before(() => {
    disk = new Disk();
  });
  after(() => disk.remove());

  const open = (name: string) => {
    const script = fileURLToPath(new URL('./lock-child.ts', import.meta.url));
    const child = spawnSync(process.execPath, [script, join(disk.live, name)], {
      env: disk.environment(),
      encoding: 'utf8',
      timeout: 20_000,
    });
    const refusal: Record<string, unknown> = JSON.parse(child.stdout);
    return refusal;
  };

  test('is not begun when it is new, and leaves nothing there', () => {
    disk.settle();
    disk.full(true);
    const { code, message } = open('new.db');
    assert.equal(code, 'store-failed');
    assert.match(String(message), /^There is no room left for the store .*new\.db: /);
    assert.deepEqual(readdirSync(disk.live), []);
  });

  test('is not restored there, and is left as it was with nothing beside it', () => {
    disk.full(false);
    const [path, backup] = [join(disk.live, 'outrider.db'), join(disk.live, 'backup.db')];
    closeDatabase(openDatabase(path));
    backUpClosedStore(path, backup);
    const bytes = readFileSync(path);
    disk.settle();
    disk.full(true);
    const script = fileURLToPath(new URL('./restore-child.ts', import.meta.url));
    const child = spawnSync(process.execPath, [script, backup, path], { env: disk.environment(), encoding: 'utf8' });
    assert.equal(child.status, 1);
    assert.match(child.stderr, /There is no room left for the store .*outrider\.db: /);
    assert.ok(readFileSync(path).equals(bytes));
    assert.deepEqual(readdirSync(disk.live).toSorted(), ['backup.db', 'outrider.db']);
  });

  test('is left as it was', () => {
    disk.full(false);
    const path = join(disk.live, 'old.db');
    closeDatabase(openDatabase(path));
    const bytes = readFileSync(path);
    disk.settle();
    disk.full(true);
    const { code, message } = open('old.db');
    assert.equal(code, 'store-failed');
    assert.match(String(message), /^There is no room left for the store .*old\.db: /);
    assert.ok(readFileSync(path).equals(bytes));
  });
});

function textsOf(environment: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) =>
      value !== undefined && /^(LOSS_|LD_PRELOAD)/.test(name) ? [[name, value]] : [],
    ),
  );
}
