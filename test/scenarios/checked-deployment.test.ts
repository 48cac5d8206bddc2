import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { applyExample, newestExecution, runAndWatch, runDetached, untilEnded } from '../support/deployments.ts';
import { eventually } from '../support/processes.ts';
import { EXAMPLES, type Stack, startStack } from '../support/stack.ts';

const SERVICE = 'Example Default_Replica';
const WORKFLOW = 'ECS/ECS Checked Deployment';

describe('a deployment with checks around it', () => {
  let stack: Stack;
  let directory: string;

  before(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'outrider-checked-'));
    stack = await startStack();
    await applyExample(stack, 'checked-deployment');
  });
  after(async () => {
    await stack.close();
    await rm(directory, { recursive: true, force: true });
  });

  const logOf = async (id: string, step: string) => {
    const printed = await stack.outrider('logs', id, `Deploy/${step}`);
    assert.equal(printed.exitCode, 0, printed.stderr);
    return printed.stdout;
  };
  /** The example with another script in the place of its first one. */
  const applyScript = async (script: string) => {
    const text = await readFile(path.join(EXAMPLES, 'checked-deployment', 'workflow.yaml'), 'utf8');
    const changed = text.replace(/script: \|\n(?: {16}.*\n)+/, `script: ${JSON.stringify(script)}\n`);
    assert.notEqual(changed, text);
    const file = path.join(directory, 'workflow.yaml');
    await writeFile(file, changed);
    const applied = await stack.outrider('apply', '-f', file);
    assert.equal(applied.exitCode, 0, applied.stderr);
  };

  test('runs scripts, a migration, a wait and a check, and hands values from one to the other', async () => {
    const health = `HealthUrl=${stack.apiUrl}/healthz`;
    const run = await runAndWatch(stack, WORKFLOW, '--artifact', `${SERVICE}=:1.28`, '--set', health);
    assert.equal(run.exitCode, 0, run.stderr + run.stdout);
    const { id } = await newestExecution(stack);
    assert.match(await logOf(id, 'Ticket'), /deploying library\/nginx:1\.28\n[^]*TICKET=CHG-\d{8}\n/);
    assert.match(await logOf(id, 'Migrate'), /All Tasks completed successfully\./);
    assert.match(await logOf(id, 'Tell'), /CHG-\d{8}: http:\/\/127\.0\.0\.1:\d+\/healthz answers 200\n/);
  });

  test('is rolled back when the check fails', async () => {
    const health = `HealthUrl=${stack.apiUrl}/nothing-here`;
    const args = ['--artifact', `${SERVICE}=:1.29`, '--set', health];
    const run = await runAndWatch(stack, WORKFLOW, ...args);
    assert.equal(run.exitCode, 3, run.stderr + run.stdout);
    const view = await newestExecution(stack);
    assert.equal(view.failure?.code, 'check-failed');
    assert.equal(view.rollback, 'succeeded');
  });

  test('whose delegate is killed in the middle of a script fails, and the script is gone and not begun again', async () => {
    const begun = path.join(directory, 'begun');
    await applyScript(`echo $BASHPID >> ${begun}; while :; do sleep 0.1; done`);
    const id = await runDetached(stack, WORKFLOW, '--artifact', `${SERVICE}=:1.30`);
    const pids = async () => {
      const text = await readFile(begun, 'utf8').catch(() => '');
      return text.endsWith('\n') ? text.trim().split('\n') : undefined;
    };
    const [pid = ''] = await eventually('the script runs', pids);
    const delegate = stack.delegate('vpc-stage');
    await delegate.kill();
    await eventually('the script is gone', async () => (isAlive(Number(pid)) ? undefined : true));
    await delegate.start();
    const ended = await untilEnded(stack, id);
    assert.equal(ended.failure?.code, 'delegate-lost');
    assert.deepEqual(await pids(), [pid]);
  });

  test('that is aborted in the middle of a script ends it', async () => {
    const begun = path.join(directory, 'aborted');
    await applyScript(`echo $BASHPID > ${begun}; while :; do sleep 0.1; done`);
    const id = await runDetached(stack, WORKFLOW, '--artifact', `${SERVICE}=:1.31`);
    const pid = await eventually(
      'the script runs',
      async () => (await readFile(begun, 'utf8').catch(() => '')).trim() || undefined,
    );
    assert.equal((await stack.outrider('abort', id)).exitCode, 0);
    assert.equal((await untilEnded(stack, id)).status, 'aborted');
    await eventually('the script is gone', async () => (isAlive(Number(pid)) ? undefined : true));
    assert.match(await logOf(id, 'Ticket'), /Script execution interrupted/);
  });
});

/** One that nobody has buried yet is not. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
