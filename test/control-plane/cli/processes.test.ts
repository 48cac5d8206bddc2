import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { eventually, type Running, startOutrider } from '../../support/processes.ts';

const KEY = 'ok_first_0123456789abcdef0123456789abcdef0123456789abcdef';
const NO_STACK = /\n\s+at |node:internal|\.ts:[0-9]+:[0-9]+/;

describe('outrider as a process', () => {
  let directory: string;
  const running: Running[] = [];
  const start = (args: readonly string[], env: Readonly<Record<string, string>> = {}) => {
    const process = startOutrider(args, env);
    running.push(process);
    return process;
  };

  before(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'outrider-processes-'));
  });
  after(async () => {
    await Promise.all(running.map((process) => process.end('SIGKILL')));
    rmSync(directory, { recursive: true, force: true });
  });

  test('a wrong configuration is told at once, without a stack: exit 2', async () => {
    for (const command of ['control-plane', 'delegate']) {
      const { exitCode, stdout, stderr } = await start([command], { OUTRIDER_INSECURE: 'maybe' }).finished;
      assert.equal(exitCode, 2, stderr);
      assert.equal(stdout, '');
      assert.match(stderr, /^outrider: .*OUTRIDER_INSECURE/m);
      assert.doesNotMatch(stderr, NO_STACK);
    }
  });

  test('insecure mode on another address than loopback is refused: exit 2', async () => {
    const { exitCode, stderr } = await start(['control-plane'], {
      OUTRIDER_INSECURE: '1',
      OUTRIDER_HTTP_ADDR: '0.0.0.0:0',
      OUTRIDER_STORE: 'memory:',
    }).finished;
    assert.equal(exitCode, 2);
    assert.match(stderr, /not a loopback address/);
  });

  test('a port that is in use is named: exit 2', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const address = holder.address();
    assert.ok(typeof address === 'object' && address !== null);
    const taken = `127.0.0.1:${address.port}`;
    for (const variable of ['OUTRIDER_HTTP_ADDR', 'OUTRIDER_GRPC_ADDR']) {
      const { exitCode, stderr } = await start(['control-plane'], {
        OUTRIDER_INSECURE: '1',
        OUTRIDER_STORE: 'memory:',
        OUTRIDER_HTTP_ADDR: '127.0.0.1:0',
        OUTRIDER_GRPC_ADDR: '127.0.0.1:0',
        OUTRIDER_LOG_LEVEL: 'silent',
        [variable]: taken,
      }).finished;
      assert.equal(exitCode, 2, stderr);
      assert.match(stderr, new RegExp(taken.replaceAll('.', '\\.')));
      assert.match(stderr, new RegExp(variable));
      assert.doesNotMatch(stderr, NO_STACK);
    }
    holder.close();
  });

  test('with TLS and keys: 4 without a key, 1 without the authority and what to set, 0 with both; SIGTERM ends it with 0', async () => {
    const data = path.join(directory, 'secured');
    const controlPlane = start(['control-plane'], {
      OUTRIDER_STORE: 'memory:',
      OUTRIDER_HTTP_ADDR: '127.0.0.1:0',
      OUTRIDER_GRPC_ADDR: '127.0.0.1:0',
      OUTRIDER_DATA_DIR: data,
      OUTRIDER_BOOTSTRAP_KEY: KEY,
      OUTRIDER_LOG_LEVEL: 'silent',
    });
    const url = await eventually(
      'the control plane names its address',
      () => /https:\/\/127\.0\.0\.1:[0-9]+/.exec(controlPlane.stderr())?.[0],
    );
    const trusting = { OUTRIDER_URL: url, OUTRIDER_CA_FILE: path.join(data, 'ca.pem') };
    const keyless = await start(['list'], trusting).finished;
    assert.equal(keyless.exitCode, 4, keyless.stderr);
    assert.match(keyless.stderr, /OUTRIDER_API_KEY/);
    const distrusting = await start(['list'], { OUTRIDER_URL: url, OUTRIDER_API_KEY: KEY }).finished;
    assert.equal(distrusting.exitCode, 1, distrusting.stderr);
    assert.match(distrusting.stderr, /OUTRIDER_CA_FILE/);
    for (const broken of [`${KEY}\n${KEY}`, `“${KEY}”`]) {
      const told = await start(['list'], { ...trusting, OUTRIDER_API_KEY: broken }).finished;
      assert.equal(told.exitCode, 2, told.stderr);
      assert.match(told.stderr, /OUTRIDER_API_KEY holds a character that no key has/);
      assert.ok(!told.stderr.includes(KEY), 'the key is not shown');
    }
    const delegates = /Delegates: (\S+)/.exec(controlPlane.stderr())?.[1] ?? '';
    const mistaken = await start(['list'], { ...trusting, OUTRIDER_URL: `https://${delegates}` }).finished;
    assert.equal(mistaken.exitCode, 1, mistaken.stderr);
    assert.match(mistaken.stderr, /does not speak HTTP\n.*port of the delegates/);
    // As a file that was written on Windows has it.
    const known = await start(['list', '--json'], { ...trusting, OUTRIDER_API_KEY: `${KEY}\r` }).finished;
    assert.equal(known.exitCode, 0, known.stderr);
    assert.deepEqual(JSON.parse(known.stdout), { items: [], nextCursor: null });
    const ended = await controlPlane.end('SIGTERM');
    assert.equal(ended.exitCode, 0, ended.stderr);
    assert.ok(!`${ended.stdout}${ended.stderr}`.includes(KEY));
  });

  test('the simulator prints what an AWS client must have, and ends with 0', async () => {
    const simulator = start(['simulator'], { OUTRIDER_ECS_AGENT_PORT: '0' });
    await eventually('it prints', () =>
      simulator.stdout().includes('export AWS_ENDPOINT_URL=http://127.0.0.1:') ? true : undefined,
    );
    assert.equal((await simulator.end('SIGINT')).exitCode, 0);
  });
});

describe('outrider dev', () => {
  let dev: Running;
  let url: string;
  let screen: string;

  before(async () => {
    dev = startOutrider(['dev', '--memory', '--speed', '50', '--http', '127.0.0.1:0', '--grpc', '127.0.0.1:0'], {
      OUTRIDER_ECS_AGENT_PORT: '0',
    });
    screen = await eventually(
      'it is up',
      () => (dev.stdout().includes('Ctrl-C stops everything') ? dev.stdout() : undefined),
      60_000,
    );
    url = /page and API +(http:\S+)/.exec(screen)?.[1] ?? '';
  });
  after(() => dev.end('SIGKILL'));

  const outrider = (...args: readonly string[]) => startOutrider(args, { OUTRIDER_URL: url }).finished;

  test('says where everything is and that nothing touches the real AWS', () => {
    assert.match(screen, /delegates +127\.0\.0\.1:[0-9]+/);
    assert.match(screen, /simulated AWS +http:\/\/127\.0\.0\.1:[0-9]+ .*nothing touches the real one/);
    assert.match(screen, /Deployed a first version, library\/nginx:1\.26/);
  });

  test('the printed command deploys over the first version, and the log tells it', async () => {
    const command = /npx outrider (run .*)\n/.exec(screen)?.[1] ?? '';
    const words = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');
    const ran = await outrider(...words);
    assert.equal(ran.exitCode, 0, ran.stderr + ran.stdout);
    assert.match(ran.stdout, /__1 is at 0 · \S+__2 runs 2/);
    const id = /exe_[0-9A-Z]{26}/.exec(ran.stdout)?.[0] ?? '';
    const { stdout } = await outrider('logs', id);
    assert.match(stdout, /Docker Image Name: library\/nginx:stable-perl/);
    assert.match(stdout, /\(new\)/);
  });

  test('a broken image is rolled back: exit 3', async () => {
    const args = ['run', 'ECS/ECS Replica Strategy', '--artifact', 'Example Default_Replica=:broken', '--watch'];
    const ran = await outrider(...args);
    assert.equal(ran.exitCode, 3, ran.stderr + ran.stdout);
    assert.match(ran.stdout, /CannotPullContainerError/);
    assert.match(ran.stdout, /__2 runs 2/);
  });

  test('its addresses in use: another one says so and leaves', async () => {
    const grpc = /delegates +(\S+)/.exec(screen)?.[1] ?? '';
    const second = await startOutrider(['dev', '--memory', '--http', '127.0.0.1:0', '--grpc', grpc], {}).finished;
    assert.equal(second.exitCode, 2, second.stderr);
    assert.match(second.stderr, /Does another `outrider dev` run\?/);
    assert.doesNotMatch(second.stderr, NO_STACK);
  });

  test('Ctrl-C stops all of it', async () => {
    const ended = await dev.end('SIGINT');
    assert.equal(ended.exitCode, 0, ended.stderr);
    const gone = await outrider('list');
    assert.equal(gone.exitCode, 1);
  });
});
