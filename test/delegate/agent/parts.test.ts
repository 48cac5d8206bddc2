import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Backoff } from '@outrider/delegate/agent/backoff.ts';
import { delegateConfig, formatAddress, parseAddress } from '@outrider/delegate/agent/config.ts';
import { takeDataDirectory } from '@outrider/delegate/agent/data-dir.ts';
import { elapsedMs, type Instant, type Timers } from '@outrider/delegate/agent/instant.ts';
import { LeaseClock } from '@outrider/delegate/agent/lease-clock.ts';
import { StepStopped } from '@outrider/delegate/steps/contract.ts';
import { OutriderError } from '@outrider/shared/errors.ts';
import { RECONNECT_BASE_MS, RECONNECT_MAX_DOUBLINGS } from '@outrider/shared/protocol/timings.ts';
import fc from 'fast-check';

/** A clock and timers that a test moves. */
class Time {
  now: Instant = { monotonicMs: 0, wallMs: 1_000_000 };
  readonly #due: { atMs: number; run: () => void }[] = [];

  readonly clock = { instant: () => this.now };
  readonly timers: Timers = {
    after: (milliseconds, run) => {
      const timer = { atMs: this.now.monotonicMs + milliseconds, run };
      this.#due.push(timer);
      return () => {
        const index = this.#due.indexOf(timer);
        if (index >= 0) this.#due.splice(index, 1);
      };
    },
  };

  async pass(milliseconds: number): Promise<void> {
    const end = this.now.monotonicMs + milliseconds;
    for (;;) {
      const [next] = this.#due.toSorted((a, b) => a.atMs - b.atMs);
      if (next === undefined || next.atMs > end) break;
      this.#move(next.atMs - this.now.monotonicMs);
      this.#due.splice(this.#due.indexOf(next), 1);
      next.run();
      await settled();
    }
    this.#move(end - this.now.monotonicMs);
    await settled();
  }

  #move(milliseconds: number): void {
    this.now = { monotonicMs: this.now.monotonicMs + milliseconds, wallMs: this.now.wallMs + milliseconds };
  }
}

const settled = async () => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
};

describe('the lease clock', () => {
  const open = () => new AbortController().signal;
  function leases() {
    const time = new Time();
    let wanted = 0;
    const clock = new LeaseClock(time.clock, time.timers, () => {
      wanted += 1;
    });
    return { time, clock, wanted: () => wanted };
  }

  test('nothing is permitted without a lease', async () => {
    const { clock } = leases();
    await assert.rejects(clock.gate('t', open()).permit(1), StepStopped);
  });

  test('a call is permitted that ends within two thirds of the lease, counted from when its renewal was sent', async () => {
    const { time, clock } = leases();
    clock.renew('t', time.now);
    await clock.gate('t', open()).permit(20_000);
    await time.pass(5_000);
    await clock.gate('t', open()).permit(15_000);
    assert.equal(clock.remainingMs('t'), 15_000);
  });

  test('a call that would end later waits for a renewal, asks for one, and goes on when it comes', async () => {
    const { time, clock, wanted } = leases();
    clock.renew('t', time.now);
    await time.pass(6_000);
    let permitted = false;
    const permit = clock
      .gate('t', open())
      .permit(15_000)
      .then(() => {
        permitted = true;
      });
    await settled();
    assert.equal(permitted, false);
    assert.ok(wanted() > 0);
    clock.renew('t', time.now);
    await permit;
    assert.equal(permitted, true);
  });

  test('when no renewal comes for the whole lease, nothing is changed any more', async () => {
    const { time, clock } = leases();
    clock.renew('t', time.now);
    await time.pass(6_000);
    const outcome = clock
      .gate('t', open())
      .permit(15_000)
      .then(
        () => 'permitted',
        (thrown: unknown) => (thrown instanceof StepStopped ? thrown.reason : 'error'),
      );
    await time.pass(23_999);
    assert.equal(await Promise.race([outcome, Promise.resolve('waiting')]), 'waiting');
    await time.pass(1_001);
    assert.equal(await outcome, 'lease-lost');
  });

  test('a lease that is lost, and a step that is stopped, end the waiting', async () => {
    const { time, clock } = leases();
    clock.renew('t', time.now);
    await time.pass(10_000);
    const lost = assert.rejects(clock.gate('t', open()).permit(15_000), { reason: 'lease-lost' });
    clock.end('t');
    await lost;
    clock.renew('u', { ...time.now, monotonicMs: time.now.monotonicMs - 10_000, wallMs: time.now.wallMs - 10_000 });
    const controller = new AbortController();
    const stopped = assert.rejects(clock.gate('u', controller.signal).permit(15_000), { reason: 'aborted' });
    controller.abort('aborted');
    await stopped;
  });

  test('an answer to an old heartbeat does not make a lease longer', async () => {
    const { time, clock } = leases();
    const early = time.now;
    await time.pass(3_000);
    clock.renew('t', time.now);
    clock.renew('t', early);
    assert.equal(clock.remainingMs('t'), 20_000);
  });

  test('a machine that slept, and a wall clock that was set back, make it careful, never careless', () => {
    const start: Instant = { monotonicMs: 100, wallMs: 1_000_000 };
    assert.equal(elapsedMs(start, { monotonicMs: 150, wallMs: 1_060_000 }), 60_000, 'the machine was suspended');
    assert.equal(elapsedMs(start, { monotonicMs: 5_100, wallMs: 900_000 }), 5_000, 'the clock was set back');
    fc.assert(
      fc.property(fc.nat(), fc.integer(), (mono, wall) => {
        const now = { monotonicMs: start.monotonicMs + mono, wallMs: start.wallMs + wall };
        assert.ok(elapsedMs(start, now) >= mono);
      }),
    );
  });
});

describe('coming back', () => {
  test('each attempt falls into a window of its own; the windows double up to a limit and follow each other', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 1, maxLength: 12 }),
        (draws) => {
          const random = draws.values();
          const backoff = new Backoff(() => random.next().value ?? 0);
          let momentMs = 0;
          let windowStartMs = 0;
          for (const index of draws.keys()) {
            const windowMs = RECONNECT_BASE_MS * 2 ** Math.min(index, RECONNECT_MAX_DOUBLINGS);
            momentMs += backoff.next();
            assert.ok(momentMs >= windowStartMs - 1e-6 && momentMs <= windowStartMs + windowMs + 1e-6);
            windowStartMs += windowMs;
          }
        },
      ),
    );
  });

  test('after a success the first window is small again', () => {
    const backoff = new Backoff(() => 0.5, 1_000);
    for (let attempt = 0; attempt < 6; attempt++) backoff.next();
    backoff.reset();
    assert.equal(backoff.next(), 500);
  });
});

describe('the configuration of a delegate', () => {
  const token = `ojt_0f_${'s'.repeat(43)}.${'F'.repeat(43)}`;
  const good = {
    OUTRIDER_CONTROL_PLANE: 'outrider.example.com:8801',
    OUTRIDER_JOIN_TOKEN: token,
    OUTRIDER_DELEGATE_NAME: 'vpc one',
  };

  test('is read from OUTRIDER_* variables', () => {
    const config = delegateConfig({
      ...good,
      OUTRIDER_DELEGATE_TAGS: ' a, b,,a ',
      AWS_REGION: 'eu-west-1',
      OUTRIDER_POLL_MIN_MS: '20',
    });
    assert.deepEqual(config.controlPlane, { host: 'outrider.example.com', port: 8801 });
    assert.deepEqual(config.tags, ['a', 'b']);
    assert.equal(config.joinToken?.text, token);
    assert.equal(config.joinToken?.caFingerprint, 'F'.repeat(43));
    assert.deepEqual([config.pollMinMs, config.pollMaxMs], [20, 10_000]);
    assert.equal(config.region, 'eu-west-1');
    assert.ok(path.isAbsolute(config.dataDir));
  });

  for (const [title, changes, message] of [
    ['a missing control plane', { OUTRIDER_CONTROL_PLANE: '' }, /OUTRIDER_CONTROL_PLANE is missing/],
    ['a control plane without a port', { OUTRIDER_CONTROL_PLANE: 'example.com' }, /not HOST:PORT/],
    ['plaintext to another machine', { OUTRIDER_INSECURE: '1' }, /is not this machine/],
    ['half a token', { OUTRIDER_JOIN_TOKEN: token.slice(0, 50) }, /lacks its last part/],
    ['what is no token', { OUTRIDER_JOIN_TOKEN: 'secret' }, /is not a join token/],
    ['a name that is none', { OUTRIDER_DELEGATE_NAME: '../x' }, /"\.\.\/x" is not usable/],
    ['a pause that is no number', { OUTRIDER_POLL_MIN_MS: '1s' }, /OUTRIDER_POLL_MIN_MS is "1s"/],
    ['pauses the wrong way round', { OUTRIDER_POLL_MIN_MS: '50', OUTRIDER_POLL_MAX_MS: '40' }, /is below/],
    ['an unknown way to join', { OUTRIDER_JOIN_METHOD: 'magic' }, /only "token" is known/],
    ['an unknown log level', { OUTRIDER_LOG_LEVEL: 'loud' }, /"loud"/],
  ] as const) {
    test(`${title} is refused with a hint`, () => {
      assert.throws(
        () => delegateConfig({ ...good, ...changes }),
        (thrown: unknown) => {
          assert.ok(thrown instanceof OutriderError && thrown.code === 'configuration-invalid');
          assert.match(thrown.message, message);
          assert.ok(thrown.problems.every((problem) => (problem.hint ?? '') !== ''));
          return true;
        },
      );
    });
  }

  test('all that is wrong is told at once', () => {
    assert.throws(
      () => delegateConfig({ OUTRIDER_JOIN_TOKEN: 'x', OUTRIDER_LOG_LEVEL: 'y' }),
      (thrown: unknown) => thrown instanceof OutriderError && thrown.problems.length === 3,
    );
  });

  test('a token is of no interest on loopback without TLS', () => {
    const config = delegateConfig({
      OUTRIDER_CONTROL_PLANE: 'localhost:1',
      OUTRIDER_INSECURE: '1',
      OUTRIDER_JOIN_TOKEN: 'whatever',
    });
    assert.equal(config.joinToken, null);
  });

  test('addresses are read as they are written', () => {
    for (const text of ['10.0.0.1:80', 'a.b-c.d:8801', '[::1]:443']) {
      const address = parseAddress(text);
      assert.ok(address !== undefined);
      assert.equal(formatAddress(address), text);
    }
    for (const text of ['', ':80', 'a:0', 'a:65536', 'a:b', '::1:443', 'http://a:1'])
      assert.equal(parseAddress(text), undefined);
  });
});

describe('the folder of a delegate', () => {
  test('belongs to one process at a time, and to a name', async () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'outrider-folder-'));
    // Another process that lives and has taken the folder.
    const script = `
      const { takeDataDirectory } = await import(process.argv[1]);
      console.log(takeDataDirectory(process.argv[2], 'one').root);
      setInterval(() => {}, 1000);`;
    const module = fileURLToPath(import.meta.resolve('@outrider/delegate/agent/data-dir.ts'));
    const other = spawn(process.execPath, ['--input-type=module', '--eval', script, module, directory], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await once(other.stdout, 'data');
      assert.throws(
        () => takeDataDirectory(directory, 'one'),
        (thrown: unknown) => {
          assert.ok(thrown instanceof OutriderError && thrown.code === 'store-locked');
          return thrown.message.includes(String(other.pid));
        },
      );
      takeDataDirectory(directory, 'ONE').release();
      const ended = once(other, 'exit');
      other.kill('SIGKILL');
      await ended;
      takeDataDirectory(directory, 'one').release();
    } finally {
      other.kill('SIGKILL');
      rmSync(directory, { recursive: true, force: true });
    }
  });

  test('that cannot be written is told of', () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'outrider-folder-'));
    try {
      writeFileSync(path.join(directory, 'file'), '');
      assert.throws(
        () => takeDataDirectory(path.join(directory, 'file'), 'one'),
        (thrown: unknown) =>
          thrown instanceof OutriderError &&
          thrown.code === 'configuration-invalid' &&
          /OUTRIDER_DATA_DIR/.test(thrown.message),
      );
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
