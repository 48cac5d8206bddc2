import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { applyExample, newestExecution, REPLICA, runAndWatch } from '../support/deployments.ts';
import { EXAMPLES, type Stack, startStack } from '../support/stack.ts';

describe('two delegates with different tags', () => {
  let stack: Stack;
  before(async () => {
    stack = await startStack({ delegates: { 'vpc-stage': ['stage', 'linux'], 'vpc-prod': ['prod', 'linux'] } });
    await applyExample(stack, 'replica-canary');
  });
  after(() => stack.close());

  async function select(...selectors: readonly string[]): Promise<void> {
    const infrastructure = await stack.outrider('get', 'infrastructure', 'ECS/example', '--json');
    assert.equal(infrastructure.exitCode, 0, infrastructure.stderr);
    const file = join(tmpdir(), `outrider-selectors-${process.pid}.json`);
    const { status, ...document }: { status: unknown; spec: Record<string, unknown> } = JSON.parse(
      infrastructure.stdout,
    );
    assert.ok(status, 'what is stored says which version it is');
    await writeFile(file, JSON.stringify({ ...document, spec: { ...document.spec, delegate: { selectors } } }));
    const applied = await stack.outrider('apply', '-f', file);
    assert.equal(applied.exitCode, 0, applied.stderr);
  }

  for (const [tag, delegate] of [
    ['prod', 'vpc-prod'],
    ['stage', 'vpc-stage'],
  ] as const) {
    test(`the selector ${tag} sends every step to ${delegate}`, async () => {
      await select(tag, 'linux');
      const finished = await runAndWatch(stack, REPLICA.workflow, '--artifact', `${REPLICA.service}=:1.28`);
      assert.equal(finished.exitCode, 0, finished.stderr + finished.stdout);
      const view = await newestExecution(stack);
      const delegates = view.phases.flatMap((phase) => phase.steps.map((step) => step.delegate));
      assert.deepEqual([...new Set(delegates)], [delegate]);
    });
  }

  test('when nobody has all the tags, run says at once which delegate lacks what', async () => {
    await select('prod', 'gpu');
    const began = performance.now();
    const refused = await stack.outrider('run', REPLICA.workflow, '--artifact', `${REPLICA.service}=:1.28`);
    assert.equal(refused.exitCode, 1);
    assert.ok(performance.now() - began < 10_000, 'at once, not after a time-out');
    assert.match(refused.stderr, /vpc-prod.*lacks.*gpu/s);
    assert.match(refused.stderr, /vpc-stage.*lacks.*prod/s);
    assert.equal(refused.stdout, '');
  });

  test('the example itself asks for no tags', async () => {
    const text = await readFile(join(EXAMPLES, 'replica-canary', 'infrastructure.yaml'), 'utf8');
    assert.doesNotMatch(text, /selectors: \[[a-z]/);
  });
});
