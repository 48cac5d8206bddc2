import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Script, ScriptRunner } from '@outrider/delegate/host/ports.ts';
import { createScriptRunner } from '@outrider/delegate/host/script-runner.ts';
import { StepStopped, type StopReason } from '@outrider/delegate/steps/contract.ts';
import type { JsonObject } from '@outrider/shared/json.ts';
import { NO_HOST } from '../../support/no-host.ts';
import {
  failureCodeOf,
  outputOf,
  type RunOptions,
  type StepRun,
  type StepWorld,
  startStepWorld,
  stepTask,
} from '../../support/step-harness.ts';

describe('a shell script', () => {
  let world: StepWorld;
  let directory: string;
  before(async () => {
    world = await startStepWorld();
    directory = mkdtempSync(path.join(tmpdir(), 'outrider-shell-script-'));
  });
  after(async () => {
    await world.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const run = async (fields: JsonObject, options: RunOptions = {}): Promise<StepRun> => {
    const scripts = createScriptRunner({ directory: path.join(directory, 'scripts') });
    return await world.run(stepTask('shell-script', { with: fields }), { host: { ...NO_HOST, scripts }, ...options });
  };

  test('logs what it writes, and gives its variables to later steps, also when it ends with exit 0', async () => {
    const script = 'echo "building $NAME"; echo careful >&2; VERSION=1.2; NOTHING=; exit 0';
    const done = await run({ script, environment: { NAME: 'web' }, outputVariables: ['VERSION', 'NOTHING'] });
    assert.deepEqual(outputOf(done), { exitCode: 0, outputVariables: { VERSION: '1.2', NOTHING: '' } });
    const order = done.lines.filter(({ text }) => text !== 'careful');
    assert.deepEqual(
      order.map(({ level, text }) => `${level} ${text}`),
      [
        'INFO Begin execution of command: Shell Script',
        'INFO Executing command ...',
        'INFO building web',
        'INFO Script Output: ',
        'INFO VERSION=1.2',
        'INFO NOTHING=',
        'WARN Warning: following variables have resolved to empty values: NOTHING',
        'WARN Check if these are assigned correctly in the script.',
        'INFO Command completed with ExitCode (0)',
        'INFO Command execution finished with status SUCCESS',
      ],
    );
    assert.ok(done.lines.some(({ level, text }) => level === 'ERROR' && text === 'careful'));
  });

  test('that ends with another exit code fails, with the last lines of its error output', async () => {
    const done = await run({ script: 'for i in $(seq 12); do echo "e$i" >&2; done; exit 3' });
    assert.equal(failureCodeOf(done), 'script-failed');
    assert.ok(done.texts.includes('CommandExecution failed with exit code: (3)'));
    const evidence = done.outcome.outcome === 'failed' ? done.outcome.failure.evidence : [];
    assert.deepEqual([evidence.length, evidence[0], evidence.at(-1)], [10, 'e3', 'e12']);
  });

  test('whose variables are too large fails', async () => {
    const done = await run({ script: 'A=$(printf "%70000s")', outputVariables: ['A'] });
    assert.match(done.texts.join('\n'), /have more than 65536 bytes/);
  });

  test('is begun only after that is known, and never a second time', async () => {
    const order: string[] = [];
    const scripts: ScriptRunner = {
      async run() {
        order.push('run');
        return { kind: 'exited', exitCode: 0, variables: {}, tooLarge: false };
      },
    };
    const host = { ...NO_HOST, scripts };
    const first = await run({ script: 'true' }, { host });
    assert.deepEqual(first.checkpoints, [{ started: true }]);
    const again = await run({ script: 'true' }, { host, facts: first.facts });
    assert.deepEqual(order, ['run']);
    assert.equal(failureCodeOf(again), 'delegate-lost');
    assert.match(again.texts.join('\n'), /What to do: See what it did, then run what is left to do/);
  });

  for (const [reason, line] of [
    ['timed-out', 'Script execution timed out'],
    ['aborted', 'Script execution interrupted, possibly due to a timeout or pipeline abort.'],
  ] as const satisfies readonly (readonly [StopReason, string])[]) {
    test(`told to stop (${reason}) says so`, async () => {
      const scripts: ScriptRunner = {
        run: async (_script: Script) => {
          throw new StepStopped(reason);
        },
      };
      const done = await run({ script: 'true' }, { host: { ...NO_HOST, scripts } });
      assert.ok(done.outcome.outcome === 'stopped' && done.outcome.reason === reason);
      assert.ok(done.texts.includes(line));
    });
  }

  for (const [what, fields] of [
    ['no script', {}],
    ['a script of blanks', { script: ' \n' }],
    ['an output variable that bash does not take', { script: 'true', outputVariables: ['A-B'] }],
    ['an environment variable that bash does not take', { script: 'true', environment: { 'A B': 'x' } }],
  ] as const) {
    test(`with ${what} is refused`, async () => {
      assert.equal(failureCodeOf(await run(fields)), 'step-input-invalid');
    });
  }
});
