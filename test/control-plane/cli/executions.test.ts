import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { execution } from '@outrider/shared/api/schemas.ts';
import { startTestApi, type TestApi } from '../../support/api.ts';
import { type CliOptions, type CliResult, cli, startCli } from '../../support/cli.ts';
import { matchGolden, normalized } from '../../support/golden.ts';
import { eventually } from '../../support/processes.ts';
import { imageMissing, outputOf, type Script, succeedAll } from '../../support/scripted-delegate.ts';

const RUN = ['run', 'ECS/ECS Replica Strategy', '--artifact', 'Example Default_Replica=:1.28'];

/** What the delegate does; each test says. */
let script: Script = succeedAll;

describe('executions on the command line', () => {
  let api: TestApi;
  const outrider = (args: readonly string[], options: CliOptions = {}): Promise<CliResult> =>
    cli(api.url, args, options);

  before(async () => {
    api = await startTestApi();
    await api.applyReplica();
    await api.delegate((task, act) => script(task, act));
  });
  after(() => api.close());
  beforeEach(() => {
    script = succeedAll;
  });

  /** Waits in the resize of phase 1 until it is let go or cancelled. */
  function holding(): { readonly letGo: () => void } {
    const gate = Promise.withResolvers<void>();
    script = async (task, act) => {
      if (task.type !== 'ecs-upgrade-containers' || task.phaseName !== 'Phase 1') return succeedAll(task, act);
      await act.log('Waiting for pending tasks to finish. 0/1 running ...');
      act.counts([{ service: `${task.service.family}__2`, role: 'new', desired: 1, running: 0, pending: 1 }]);
      const cancelled = new Promise<void>((resolve) => act.cancelled.addEventListener('abort', () => resolve()));
      await Promise.race([gate.promise, cancelled]);
      if (act.cancelled.aborted) return { outcome: 'stopped', message: 'stopped as asked' };
      return { outcome: 'succeeded', output: outputOf(task) };
    };
    return { letGo: () => gate.resolve() };
  }

  function failing(rollback: 'works' | 'fails'): void {
    script = async (task, act) => {
      if (task.phaseName === 'Phase 2' && !task.rollback) {
        await act.log('CannotPullContainerError: manifest for library/nginx:1.28 not found', 'ERROR');
        return { outcome: 'failed', failure: imageMissing('library/nginx:1.28') };
      }
      if (task.rollback && rollback === 'fails') {
        const failure = {
          ...imageMissing('x'),
          code: 'aws-access-denied' as const,
          message: 'ecs:UpdateService is not allowed',
          evidence: [],
        };
        return { outcome: 'failed', failure };
      }
      return succeedAll(task, act);
    };
  }

  test('run prints the id alone on stdout and exits with 0', async () => {
    const { code, stdout, stderr } = await outrider(RUN);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^exe_[0-9A-Z]{26}\n$/);
    assert.match(stderr, /outrider watch exe_/);
    await api.untilEnded(stdout.trim());
  });

  test('run --json prints the execution with the field names of the API', async () => {
    const { stdout } = await outrider([...RUN, '--json', '--reason', 'hotfix']);
    const parsed = execution.parse(JSON.parse(stdout));
    assert.equal(parsed.reason, 'hotfix');
    assert.equal(stdout.trim().split('\n').length, 1);
    await api.untilEnded(parsed.id);
  });

  test('run --watch shows a line for each change and ends with the outcome: exit 0', async () => {
    const { code, stdout } = await outrider([...RUN, '--watch']);
    assert.equal(code, 0);
    assert.doesNotMatch(stdout, /\u001b/, 'no escape codes off a terminal');
    matchGolden('cli/run-watch.txt', normalized(stdout));
  });

  test('a failure that was rolled back says why, what runs now and what to do: exit 3', async () => {
    failing('works');
    const { code, stdout } = await outrider([...RUN, '--watch']);
    assert.equal(code, 3, stdout);
    matchGolden('cli/run-failed.txt', normalized(stdout));
  });

  test('a rollback that fails is shouted about: exit 5', async () => {
    failing('fails');
    const { code, stdout } = await outrider([...RUN, '--watch']);
    assert.equal(code, 5, stdout);
    matchGolden('cli/run-rollback-failed.txt', normalized(stdout));
  });

  test('abort rolls back, and whoever watches exits with 6', async () => {
    const { letGo } = holding();
    const watching = startCli(api.url, [...RUN, '--watch']);
    await eventually('the resize runs', () => (watching.stdout().includes('new 0/1') ? true : undefined));
    const id = /exe_[0-9A-Z]{26}/.exec(watching.stdout())?.[0] ?? '';
    const aborted = await outrider(['abort', id, '--reason', 'p99 doubled']);
    assert.equal(aborted.code, 0, aborted.stderr);
    assert.equal(aborted.stdout, `${id}\n`);
    const { code, stdout } = await watching.finished;
    assert.equal(code, 6, stdout);
    matchGolden('cli/run-aborted.txt', normalized(stdout));
    letGo();
  });

  test('abort --no-rollback leaves everything as it is', async () => {
    holding();
    const { stdout } = await outrider(RUN);
    const id = stdout.trim();
    await eventually('the resize runs', async () =>
      (await outrider(['events', id])).stdout.includes('stepId=p1.2 attempt=1 delegate') ? true : undefined,
    );
    assert.equal((await outrider(['abort', id, '--no-rollback'])).code, 0);
    const ended = await api.untilEnded(id);
    assert.equal(ended['status'], 'aborted');
    assert.equal(ended['rollback'], 'none');
    const shown = await outrider(['show', id]);
    assert.doesNotMatch(shown.stdout, /^Now/m, 'nobody knows how far the resize got');
    assert.match(shown.stdout, /^Last .*\n +since then Phase 1\/Upgrade Containers ended half way: see its log/m);
  });

  test('rollback WORKFLOW means its newest execution, which ends as failed', async () => {
    holding();
    const { stdout } = await outrider(RUN);
    const id = stdout.trim();
    await eventually('the resize runs', async () =>
      (await outrider(['events', id])).stdout.includes('stepId=p1.2 attempt=1 delegate') ? true : undefined,
    );
    const rolledBack = await outrider(['rollback', 'ECS/ECS Replica Strategy', '--reason', 'wrong image']);
    assert.equal(rolledBack.code, 0, rolledBack.stderr);
    assert.equal(rolledBack.stdout, `${id}\n`);
    const ended = await api.untilEnded(id);
    assert.equal(ended['status'], 'failed');
    assert.equal((await outrider(['watch', id])).code, 3);
  });

  test('pause holds before the next step and says how to go on; resume goes on', async () => {
    const { letGo } = holding();
    const { stdout } = await outrider(RUN);
    const id = stdout.trim();
    await eventually('the resize runs', async () =>
      (await outrider(['events', id])).stdout.includes('stepId=p1.2 attempt=1 delegate') ? true : undefined,
    );
    const paused = await outrider(['pause', id, '--reason', 'a look first']);
    assert.equal(paused.code, 0, paused.stderr);
    assert.equal(paused.stdout, `${id}\n`);
    assert.match(
      paused.stderr,
      /It is paused by local: a look first; what runs goes on to its end\. .*outrider resume/,
    );
    letGo();
    const shown = await eventually('it is held', async () => {
      const { stdout: text } = await outrider(['show', id]);
      return /‖ paused/.test(text) ? text : undefined;
    });
    assert.match(shown, /Let it go on: outrider resume exe_/);
    assert.match(shown, /Upgrade Containers .*It is held: paused by local: a look first/);
    const resumed = await outrider(['resume', id]);
    assert.equal(resumed.code, 0, resumed.stderr);
    const watched = await outrider(['watch', id]);
    assert.equal(watched.code, 0);
    assert.match(
      watched.stdout,
      /paused by local: a look first; what runs goes on to its end\n(.*\n)*.* resumed by local\n/,
    );
    const again = await outrider(['resume', id]);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /it has ended/);
  });

  test('what has ended cannot be aborted: exit 1 and a reason', async () => {
    const { stdout } = await outrider(RUN);
    await api.untilEnded(stdout.trim());
    const { code, stderr } = await outrider(['abort', stdout.trim()]);
    assert.equal(code, 1);
    assert.match(stderr, /\(not-allowed-now\)/);
  });

  test('Ctrl-C detaches with 130 and says how to come back; the execution goes on', async () => {
    const { letGo } = holding();
    const watching = startCli(api.url, [...RUN, '--watch']);
    await eventually('the resize runs', () => (watching.stdout().includes('new 0/1') ? true : undefined));
    watching.interrupt();
    const { code, stdout, stderr } = await watching.finished;
    const id = /exe_[0-9A-Z]{26}/.exec(stdout)?.[0] ?? '';
    assert.equal(code, 130);
    assert.match(stderr, new RegExp(`outrider watch ${id}`));
    letGo();
    assert.equal((await api.untilEnded(id))['status'], 'succeeded');
  });

  test('--wait-timeout stops the waiting with 7 and not the execution', async () => {
    const { letGo } = holding();
    const { code, stdout } = await outrider([...RUN, '--wait-timeout', '300ms']);
    const id = /exe_[0-9A-Z]{26}/.exec(stdout)?.[0] ?? '';
    assert.equal(code, 7);
    letGo();
    assert.equal((await api.untilEnded(id))['status'], 'succeeded');
  });

  test('watch --json prints the events as JSON lines, each once', async () => {
    const { stdout: started } = await outrider(RUN);
    const { code, stdout } = await outrider(['watch', started.trim(), '--json']);
    assert.equal(code, 0);
    const events = stdout
      .trim()
      .split('\n')
      .map((line): { seq: number } => JSON.parse(line));
    assert.deepEqual(
      events.map(({ seq }) => seq),
      events.map((_, index) => index + 1),
    );
  });

  test('the same idempotency key starts one execution', async () => {
    const first = await outrider([...RUN, '--idempotency-key', 'build 42']);
    const second = await outrider([...RUN, '--idempotency-key', 'build 42']);
    assert.equal(second.stdout, first.stdout);
    assert.match(second.stderr, /was started before/);
    const other = await outrider([...RUN, '--reason', 'another', '--idempotency-key', 'build 42']);
    assert.equal(other.code, 1);
    assert.match(other.stderr, /\(idempotency-key-reused\)/);
    await api.untilEnded(first.stdout.trim());
  });

  test('on a terminal the whole execution is drawn in place, and the last state stays', async () => {
    const { letGo } = holding();
    const watching = startCli(api.url, [...RUN, '--watch'], { isTerminal: true });
    await eventually('the screen shows the resize', () =>
      watching.stdout().includes('0 of 1 running, 1 pending') && watching.stdout().includes('Waiting for pending')
        ? true
        : undefined,
    );
    letGo();
    const { code, stdout } = await watching.finished;
    assert.equal(code, 0);
    assert.match(stdout, /\u001b\[[0-9]+A/, 'drawn over');
    assert.doesNotMatch(stdout, /\u001b\[\?1049h/, 'never on the alternate screen');
    assert.match(stdout, /Ctrl-C leaves it running/);
    assert.match(stdout.slice(stdout.lastIndexOf('\u001b[0J')), /succeeded/);
  });

  test('NO_COLOR, CI and --no-color take colour and redraw away on a terminal, too', async () => {
    for (const [env, flags] of [
      [{ NO_COLOR: '1' }, []],
      [{ CI: 'true', TERM: 'dumb' }, []],
      [{}, ['--no-color']],
    ] as const) {
      const { stdout } = await outrider([...RUN, '--watch', ...flags], { isTerminal: true, env });
      assert.doesNotMatch(stdout, /\u001b/);
    }
  });

  test('show prints the execution as it is', async () => {
    const { stdout: started } = await outrider(RUN);
    await api.untilEnded(started.trim());
    const { code, stdout } = await outrider(['show', started.trim()]);
    assert.equal(code, 0);
    matchGolden('cli/show.txt', normalized(stdout));
    const asJson = await outrider(['show', started.trim(), '--json']);
    assert.equal(execution.parse(JSON.parse(asJson.stdout)).status, 'succeeded');
  });

  test('logs prints the lines alone on stdout, in order, and names the steps on stderr', async () => {
    const { stdout: started } = await outrider(RUN);
    const id = started.trim();
    await api.untilEnded(id);
    const { code, stdout, stderr } = await outrider(['logs', id]);
    assert.equal(code, 0);
    const texts = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.slice(30));
    assert.deepEqual(
      texts,
      ['ECS Service Setup', 'Upgrade Containers', 'Upgrade Containers'].flatMap((name) => [
        `Begin execution of command: ${name}`,
        'Command execution finished with status SUCCESS',
      ]),
    );
    assert.match(stdout, /^INFO   20[0-9]{2}-[0-9]{2}-[0-9]{2} [0-9:]{8}    Begin/);
    assert.match(stderr, /==> Phase 2\/Upgrade Containers \(p2\.1\)/);
    for (const step of ['p1.1', 'Phase 1/ECS Service Setup', 'ECS Service Setup']) {
      assert.equal((await outrider(['logs', id, step])).stdout, stdout.split('\n').slice(0, 2).join('\n') + '\n');
    }
    const followed = await outrider(['logs', id, '-f']);
    assert.equal(followed.stdout, stdout);
  });

  test('logs -f prints lines while they come and ends with the execution', async () => {
    const { letGo } = holding();
    const { stdout: started } = await outrider(RUN);
    const following = startCli(api.url, ['logs', started.trim(), '-f', '--json']);
    await eventually('the waiting line', () => (following.stdout().includes('0/1 running') ? true : undefined));
    letGo();
    const { code, stdout } = await following.finished;
    assert.equal(code, 0);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line): { step: string; seq: number } => JSON.parse(line));
    assert.equal(lines.filter(({ step }) => step === 'p1.2').length, 1);
    assert.equal(lines.filter(({ step }) => step === 'p2.1').length, 2);
  });

  test('control characters that somebody wrote into a reason are shown and not obeyed', async () => {
    const reason = 'red \u001b[31m alert \u0007';
    const watched = await outrider([...RUN, '--watch', '--reason', reason]);
    const id = /exe_[0-9A-Z]{26}/.exec(watched.stdout)?.[0] ?? '';
    for (const args of [['show', id], ['list'], ['events', id], ['watch', id]]) {
      const { stdout } = await outrider(args, { isTerminal: args[0] === 'show', env: { NO_COLOR: '1' } });
      assert.doesNotMatch(stdout, /[\u001b\u0007]/, args.join(' '));
    }
    assert.match((await outrider(['show', id])).stdout, /red \\x1b\[31m alert \\x07/);
    const { stdout } = await outrider(['show', id, '--json']);
    assert.equal(execution.parse(JSON.parse(stdout)).reason, reason);
  });

  test('list puts what runs first', async () => {
    const { letGo } = holding();
    const { stdout: started } = await outrider(RUN);
    await eventually('it runs', async () => ((await outrider(['list'])).stdout.includes('RUNNING') ? true : undefined));
    const { stdout } = await outrider(['list', '--limit', '2']);
    assert.match(stdout, /^RUNNING\n {2}◌ exe_.* running · Phase 1 .*local · image :1\.28\nRECENT\n {2}[✔✖■] exe_/);
    letGo();
    await api.untilEnded(started.trim());
    const failed = await outrider(['list', '--status', 'failed', '--json']);
    const { items }: { items: { status: string }[] } = JSON.parse(failed.stdout);
    assert.ok(items.length > 0 && items.every(({ status }) => status === 'failed'));
  });

  test('a locale without UTF-8 gets ASCII signs', async () => {
    const { stdout } = await outrider(['list', '--limit', '3'], { env: { LC_ALL: 'C' } });
    assert.match(stdout, /^ {2}\+ exe_/m);
  });
});
