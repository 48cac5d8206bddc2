import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { eventually, freePort, type Running, startOutrider } from '../support/processes.ts';

const JOIN_TOKEN = `ojt_01_${'s'.repeat(32)}.${'A'.repeat(43)}`;
/** Far less than a join or a connect may take; enough for a process on a busy machine to go. */
const AT_ONCE_MS = 5_000;

describe('a delegate that waits for its control plane', () => {
  let directory: string;
  let silent: Server;
  let delegate: Running | undefined;
  beforeEach(async () => {
    directory = mkdtempSync(path.join(tmpdir(), 'outrider-delegate-'));
    // Takes connections and never says a word.
    silent = createServer(() => {}).listen(0, '127.0.0.1');
    await once(silent, 'listening');
  });
  afterEach(async () => {
    await delegate?.end('SIGKILL');
    silent.close();
    rmSync(directory, { recursive: true, force: true });
  });

  function start(port: number, env: Readonly<Record<string, string>>): Running {
    delegate = startOutrider(['delegate'], {
      OUTRIDER_CONTROL_PLANE: `127.0.0.1:${port}`,
      OUTRIDER_DELEGATE_NAME: 'vpc-stage',
      OUTRIDER_DATA_DIR: path.join(directory, 'data'),
      OUTRIDER_LOG_LEVEL: 'debug',
      AWS_REGION: 'us-east-1',
      ...env,
    });
    return delegate;
  }
  async function endsAtOnce(running: Running): Promise<void> {
    const begun = performance.now();
    const { exitCode, stderr } = await running.end('SIGTERM');
    const tookMs = performance.now() - begun;
    assert.equal(exitCode, 0, stderr);
    assert.ok(tookMs < AT_ONCE_MS, `it took ${Math.round(tookMs)} ms:\n${stderr}`);
  }
  function silentPort(): number {
    const address = silent.address();
    assert.ok(typeof address === 'object' && address !== null);
    return address.port;
  }

  test('ends at once when it is told to, while nothing listens there', async () => {
    const running = start(await freePort(), { OUTRIDER_JOIN_TOKEN: JOIN_TOKEN });
    await eventually('it says why', () => (/cannot join yet/.test(running.stderr()) ? true : undefined));
    await endsAtOnce(running);
  });

  test('ends at once when it is told to, while what listens there says nothing', async () => {
    const running = start(silentPort(), { OUTRIDER_JOIN_TOKEN: JOIN_TOKEN });
    await eventually('it joins', () => (/The delegate joins/.test(running.stderr()) ? true : undefined));
    await endsAtOnce(running);
  });

  test('ends at once when it is told to, without TLS as well', async () => {
    const running = start(silentPort(), { OUTRIDER_INSECURE: '1' });
    await once(silent, 'connection');
    await endsAtOnce(running);
  });

  test('says why it cannot join once and not with every attempt, in lines that name every field once', async () => {
    const running = start(await freePort(), { OUTRIDER_JOIN_TOKEN: JOIN_TOKEN });
    await eventually('it has tried three times', () =>
      (running.stderr().match(/The delegate joins/g) ?? []).length >= 3 ? true : undefined,
    );
    const lines = running.stderr().trim().split('\n');
    assert.equal(lines.filter((line) => line.includes('cannot join yet')).length, 1, running.stderr());
    for (const line of lines) {
      const keys = [...line.matchAll(/[{,]"([A-Za-z]+)":/g)].map(([, key]) => key);
      assert.deepEqual(keys, [...new Set(keys)], line);
      const { delegate: name }: { delegate?: unknown } = JSON.parse(line);
      assert.equal(name, 'vpc-stage');
    }
  });
});
