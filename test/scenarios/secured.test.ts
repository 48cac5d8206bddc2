import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { SAMPLE_CLUSTERS } from '@outrider/simulator/sample-world.ts';
import { startSimulator } from '@outrider/simulator/start.ts';
import { REPLICA } from '../support/deployments.ts';
import { eventually, type Finished, freePort, type Running, startOutrider } from '../support/processes.ts';
import { EXAMPLES, SPEED } from '../support/stack.ts';

const BOOTSTRAP_KEY = 'ok_bootstrap_0123456789abcdef0123456789abcdef0123456789abcdef';

describe('an installation with TLS, API keys and join tokens', () => {
  let directory: string;
  let aws: Awaited<ReturnType<typeof startSimulator>>;
  let controlPlane: Running;
  let env: Record<string, string>;
  let grpc: string;
  const running: Running[] = [];

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'outrider-secured-'));
    aws = await startSimulator({ port: 0, agentPort: 0, speed: SPEED, throttling: false, clusters: SAMPLE_CLUSTERS });
    const http = `127.0.0.1:${await freePort()}`;
    grpc = `127.0.0.1:${await freePort()}`;
    controlPlane = startOutrider(['control-plane'], {
      OUTRIDER_HTTP_ADDR: http,
      OUTRIDER_GRPC_ADDR: grpc,
      OUTRIDER_STORE: `sqlite:${join(directory, 'outrider.db')}`,
      OUTRIDER_DATA_DIR: join(directory, 'control-plane'),
      OUTRIDER_BOOTSTRAP_KEY: BOOTSTRAP_KEY,
    });
    running.push(controlPlane);
    const said = await eventually(
      'the control plane names its address',
      () => /https?:\/\/127\.0\.0\.1:\d+/.exec(controlPlane.stdout() + controlPlane.stderr())?.[0],
    );
    env = { OUTRIDER_URL: said, OUTRIDER_API_KEY: BOOTSTRAP_KEY, XDG_CONFIG_HOME: directory };
    const ca = (await readdir(join(directory, 'control-plane')).catch(() => [])).find((name) =>
      /ca.*\.(pem|crt)$/.test(name),
    );
    if (said.startsWith('https:')) {
      assert.ok(ca, 'the CA certificate lies in the data directory');
      env['NODE_EXTRA_CA_CERTS'] = join(directory, 'control-plane', ca);
    }
  });
  after(async () => {
    await Promise.all(running.map((process) => process.end('SIGKILL')));
    await aws.close();
    await rm(directory, { recursive: true, force: true });
  });

  const outrider = (...args: readonly string[]): Promise<Finished> => startOutrider(args, env).finished;
  function delegate(name: string, joinToken: string): Running {
    const process = startOutrider(['delegate'], {
      OUTRIDER_CONTROL_PLANE: grpc,
      OUTRIDER_JOIN_TOKEN: joinToken,
      OUTRIDER_DELEGATE_NAME: name,
      OUTRIDER_DATA_DIR: join(directory, name),
      OUTRIDER_POLL_MIN_MS: '20',
      OUTRIDER_POLL_MAX_MS: '100',
      OUTRIDER_ECS_AGENT_PORT: String(aws.agentPort),
      AWS_ENDPOINT_URL: aws.url,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'simulated',
      AWS_SECRET_ACCESS_KEY: 'simulated',
    });
    running.push(process);
    return process;
  }

  async function untilConnected(wanted: boolean): Promise<void> {
    await eventually(`the delegate is ${wanted ? '' : 'no longer '}connected`, async () => {
      const listed = await outrider('delegates', 'list', '--json');
      const { items }: { items: readonly { connected: boolean }[] } = JSON.parse(listed.stdout);
      return items.some((item) => item.connected) === wanted ? true : undefined;
    });
  }

  test('without a key nothing is told, with a wrong one neither, and the exit code is 4', async () => {
    for (const key of ['', 'ok_wrong_0123456789abcdef0123456789abcdef']) {
      const refused = await startOutrider(['list'], { ...env, OUTRIDER_API_KEY: key }).finished;
      assert.equal(refused.exitCode, 4, refused.stderr);
      assert.equal(refused.stdout, '');
    }
  });

  test('a viewer sees and does not act', async () => {
    const made = await outrider('keys', 'create', 'dashboard', '--role', 'viewer', '--json');
    assert.equal(made.exitCode, 0, made.stderr);
    const { key }: { key: string } = JSON.parse(made.stdout);
    const viewer = { ...env, OUTRIDER_API_KEY: key };
    assert.equal((await startOutrider(['list'], viewer).finished).exitCode, 0);
    const acting = await startOutrider(['apply', '-f', join(EXAMPLES, 'replica-canary')], viewer).finished;
    assert.equal(acting.exitCode, 4, acting.stderr);
    assert.match(acting.stderr, /operator/);
  });

  test('a delegate joins once with its token, deploys, and comes back without it', async () => {
    const made = await outrider('tokens', 'create', '--delegate', 'vpc-stage', '--json');
    assert.equal(made.exitCode, 0, made.stderr);
    const { token }: { token: string } = JSON.parse(made.stdout);
    const first = delegate('vpc-stage', token);
    await untilConnected(true);
    assert.equal((await outrider('apply', '-f', join(EXAMPLES, 'replica-canary'))).exitCode, 0);
    const finished = await outrider('run', REPLICA.workflow, '--artifact', `${REPLICA.service}=:1.28`, '--watch');
    assert.equal(finished.exitCode, 0, finished.stderr + finished.stdout);
    await first.end('SIGTERM');
    await untilConnected(false);
    delegate('vpc-stage', '');
    await untilConnected(true);
    const again = await outrider('run', REPLICA.workflow, '--artifact', `${REPLICA.service}=:1.29`, '--watch');
    assert.equal(again.exitCode, 0, again.stderr);
  });

  test('a token with another CA fingerprint is not trusted, and an unknown one is refused by name', async () => {
    const made = await outrider('tokens', 'create', '--json');
    const { token }: { token: string } = JSON.parse(made.stdout);
    const [secret] = token.split('.');
    const deceived = delegate('vpc-deceived', `${secret}.${'A'.repeat(43)}`);
    await eventually('the delegate says that the fingerprint is another', () =>
      /fingerprint/i.test(deceived.stdout() + deceived.stderr()) ? true : undefined,
    );
    const stranger = delegate('vpc-stranger', token.replace(/_[^_.]+\./, `_${'x'.repeat(43)}.`));
    await eventually('the delegate says that it may not join', () =>
      /join/i.test(stranger.stdout() + stranger.stderr()) ? true : undefined,
    );
    const listed = await outrider('delegates', 'list', '--json');
    assert.doesNotMatch(listed.stdout, /vpc-deceived|vpc-stranger/);
  });

  test('no secret lies in the store or in a log in the clear', async () => {
    const made = await outrider('tokens', 'create', '--json');
    const { token }: { token: string } = JSON.parse(made.stdout);
    const secret = /^ojt_[0-9a-f]+_([^.]+)\./.exec(token)?.[1];
    assert.ok(secret !== undefined && secret.length >= 32, 'the token has a long secret');
    for (const name of (await readdir(directory)).filter((file) => file.startsWith('outrider.db'))) {
      const bytes = await readFile(join(directory, name));
      assert.equal(bytes.includes(secret), false, `${name} holds the secret of a join token`);
      assert.equal(bytes.includes(BOOTSTRAP_KEY), false, `${name} holds the bootstrap key`);
    }
    assert.equal((controlPlane.stdout() + controlPlane.stderr()).includes(BOOTSTRAP_KEY), false);
  });
});
