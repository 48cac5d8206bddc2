import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Script, ScriptEnd } from '@outrider/delegate/host/ports.ts';
import { createScriptRunner } from '@outrider/delegate/host/script-runner.ts';
import { StepStopped } from '@outrider/delegate/steps/contract.ts';
import { eventually } from '../../support/processes.ts';

const RUNNER = fileURLToPath(new URL('../../../delegate/src/host/script-runner.ts', import.meta.url));

describe('scripts', () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'outrider-scripts-'));
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  const runner = (environment: NodeJS.ProcessEnv = { PATH: process.env['PATH'] ?? '' }, graceMs = 5_000) =>
    createScriptRunner({ directory: path.join(directory, 'scripts'), environment, graceMs });
  const file = (name: string) => path.join(directory, name);

  async function run(
    text: string,
    changes: Partial<Script> = {},
    how: { readonly signal?: AbortSignal; readonly environment?: NodeJS.ProcessEnv; readonly graceMs?: number } = {},
  ): Promise<{ readonly end: ScriptEnd; readonly out: readonly string[]; readonly err: readonly string[] }> {
    const out: string[] = [];
    const err: string[] = [];
    const end = await runner(how.environment, how.graceMs).run(
      {
        text,
        environment: {},
        workingDirectory: undefined,
        variables: [],
        variablesLimitBytes: 1_000,
        onLine: (stream, line) => (stream === 'stdout' ? out : err).push(line),
        ...changes,
      },
      how.signal ?? new AbortController().signal,
    );
    return { end, out, err };
  }
  const exited = (exitCode: number, variables: Record<string, string> = {}): ScriptEnd => ({
    kind: 'exited',
    exitCode,
    variables,
    tooLarge: false,
  });

  test('write lines to two outputs, the last one with or without its end', async () => {
    const { end, out, err } = await run('echo one; echo "Grüße" >&2; printf "two\\r\\nthree"');
    assert.deepEqual([end, out, err], [exited(0), ['one', 'two', 'three'], ['Grüße']]);
  });

  for (const [what, text, exitCode] of [
    ['at the last line', 'A=1; B="two words"; export C=3', 0],
    ['by exit 0', 'A=1; B="two words"; C=3; exit 0; A=2', 0],
    ['by another exit', 'A=1; B="two words"; C=3; exit 7', 7],
    ['under set -e', 'set -eu; A=1; B="two words"; C=3; false; A=2', 1],
    ['by return', 'A=1; B="two words"; C=3; return 0; A=2', 0],
    ['with a trap of its own', 'trap "B=\'two words\'" EXIT; A=1; C=3; exit 4', 4],
  ] as const) {
    test(`give their variables when they end ${what}`, async () => {
      const { end } = await run(text, { variables: ['A', 'B', 'C', 'D'] });
      assert.deepEqual(end, exited(exitCode, { A: '1', B: 'two words', C: '3', D: '' }));
    });
  }

  test('give values as they are: lines, quotes, other names', async () => {
    const { end } = await run('A=B; B=$\'first\\nsecond "x"\'; C=; true', { variables: ['A', 'B', 'C'] });
    assert.deepEqual(end, exited(0, { A: 'B', B: 'first\nsecond "x"', C: '' }));
  });

  test('that give too much say so', async () => {
    const { end } = await run('A=$(printf "%2000s")', { variables: ['A'] });
    assert.ok(end.kind === 'exited' && end.tooLarge);
  });

  test('whose own commands wait, wait for their own children only', async () => {
    const { end, out } = await run('(sleep 0.05; echo child) & wait; echo done');
    assert.deepEqual([end, out], [exited(0), ['child', 'done']]);
  });

  test('have the environment of the delegate, without what is Outrider’s, and their own', async () => {
    const environment = { PATH: process.env['PATH'] ?? '', AWS_REGION: 'us-east-1', OUTRIDER_JOIN_TOKEN: 'secret' };
    const { out } = await run(
      'echo "$AWS_REGION/$OUTRIDER_JOIN_TOKEN/$GIVEN"',
      { environment: { GIVEN: 'a $b `c`' } },
      { environment },
    );
    assert.deepEqual(out, ['us-east-1//a $b `c`']);
  });

  test('run in an empty folder that goes, or in the one that is named', async () => {
    const { out } = await run('ls -A; pwd; echo x > left-behind');
    assert.equal(out.length, 1);
    assert.deepEqual(readdirSync(file('scripts')), []);
    assert.deepEqual((await run('pwd', { workingDirectory: directory })).out, [directory]);
    const missing = (await run('true', { workingDirectory: file('nothing') })).end;
    assert.match(missing.kind === 'failed' ? missing.why : '', /the working directory .* does not exist/);
  });

  test('that a signal ends have its exit code', async () => {
    assert.deepEqual((await run('kill -KILL $BASHPID')).end, exited(137));
  });

  test('leave no process behind that they have started', async () => {
    const { end } = await run(`sleep 600 & echo $! > ${file('left')}; exit 0`);
    assert.deepEqual(end, exited(0));
    await eventually('the process is gone', async () => isGone(file('left')));
  });

  test('with processes that hold their output do not hold the step', async () => {
    const { end } = await run(`setsid sleep 4 & echo $! > ${file('held')}; exit 0`);
    assert.deepEqual(end, exited(0));
    process.kill(Number(readFileSync(file('held'), 'utf8')), 'SIGKILL');
  });

  test('told to stop may tidy up, and are over when the step is', async () => {
    const stop = new AbortController();
    const text = `trap 'echo tidy > ${file('tidied')}; exit 3' TERM; echo ready > ${file('ready')}; while :; do sleep 0.02; done`;
    const running = run(text, {}, { signal: stop.signal });
    const ended = assert.rejects(running, (error) => error instanceof StepStopped && error.reason === 'timed-out');
    await eventually('the script runs', async () => readdirSync(directory).includes('ready') || undefined);
    stop.abort('timed-out');
    await ended;
    assert.equal(readFileSync(file('tidied'), 'utf8'), 'tidy\n');
  });

  test('that will not stop are killed', async () => {
    const stop = new AbortController();
    const text = `trap '' TERM; echo $BASHPID > ${file('stubborn')}; while :; do sleep 0.02; done`;
    const running = run(text, {}, { signal: stop.signal, graceMs: 100 });
    const ended = assert.rejects(running, StepStopped);
    await eventually('the script runs', async () => readdirSync(directory).includes('stubborn') || undefined);
    stop.abort('aborted');
    await ended;
    await eventually('the script is gone', async () => isGone(file('stubborn')));
  });

  test('go with a delegate that is killed', async () => {
    const text = `trap '' TERM; echo $BASHPID > ${file('orphan')}.new; mv ${file('orphan')}.new ${file('orphan')}; sleep 600 & while :; do sleep 0.05; done`;
    const program = file('delegate.mjs');
    writeFileSync(
      program,
      `import { createScriptRunner } from ${JSON.stringify(RUNNER)};
       const runner = createScriptRunner({ directory: ${JSON.stringify(file('other-scripts'))} });
       await runner.run({ text: ${JSON.stringify(text)}, environment: {}, workingDirectory: undefined, variables: [],
         variablesLimitBytes: 0, onLine() {} }, new AbortController().signal);`,
    );
    const delegate = spawn(process.execPath, [program], { stdio: 'ignore' });
    const exit = once(delegate, 'exit');
    await eventually('the script runs', async () => readdirSync(directory).includes('orphan') || undefined);
    assert.ok(!isGone(file('orphan')));
    delegate.kill('SIGKILL');
    await exit;
    await eventually('the script is gone', async () => isGone(file('orphan')));
    assert.notDeepEqual(readdirSync(file('other-scripts')), []);
    createScriptRunner({ directory: file('other-scripts') });
    assert.ok(!readdirSync(directory).includes('other-scripts'), 'its successor tidies up');
  });
});

/** Of the process whose id the file has; one that nobody has buried yet is gone as well. */
function isGone(file: string): true | undefined {
  const pid = Number(readFileSync(file, 'utf8'));
  try {
    process.kill(pid, 0);
  } catch {
    return true;
  }
  try {
    return /^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8')) ? true : undefined;
  } catch {
    return true;
  }
}
