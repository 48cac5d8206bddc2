import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { applyExample, logTexts, newestExecution, REPLICA, runAndWatch } from '../support/deployments.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { assertNothingWasRefused, failPullsAfter, servicesOf } from '../support/world.ts';

for (const kind of ['EC2', 'FARGATE'] as const) {
  const where =
    kind === 'EC2'
      ? { example: 'replica-canary', workflow: REPLICA.workflow, cluster: 'example' }
      : { example: 'fargate-canary', workflow: 'ECS/ECS Fargate Canary', cluster: 'fargate' };

  describe(`a canary on ${kind} whose image cannot be pulled any more in phase 2`, () => {
    let stack: Stack;
    before(async () => {
      stack = await startStack();
      await applyExample(stack, where.example);
    });
    after(() => stack.close());

    test('rolls back phase 2, then phase 1, says why, and ends with exit code 3', async () => {
      const first = await runAndWatch(stack, where.workflow, '--artifact', `${REPLICA.service}=:1.28`);
      assert.equal(first.exitCode, 0, first.stderr + first.stdout);
      const [old] = servicesOf(stack, where.cluster);
      assert.ok(old);
      assert.equal(old.running, 2);

      // The registry loses the image after the first instance of the canary has pulled it.
      failPullsAfter(stack, 'library/nginx:1.29', 1);
      const failed = await runAndWatch(stack, where.workflow, '--artifact', `${REPLICA.service}=:1.29`);
      assert.equal(failed.exitCode, 3, failed.stderr + failed.stdout);
      assert.match(failed.stderr + failed.stdout, /CannotPullContainerError/);

      const view = await newestExecution(stack);
      assert.equal(view.status, 'failed');
      assert.equal(view.rollback, 'succeeded');
      assert.equal(view.failure?.code, 'image-pull-failed');
      const rollbacks = view.phases.filter((phase) => phase.rollback);
      const byStart = rollbacks
        .map((phase) => ({ name: phase.name, at: phase.steps[0]?.startedAt ?? '' }))
        .toSorted((a, b) => a.at.localeCompare(b.at));
      assert.deepEqual(
        byStart.map((phase) => phase.name),
        ['Rollback Phase 2', 'Rollback Phase 1'],
      );

      const log = (await logTexts(stack, view.id, 'Phase 2/Upgrade Containers')).join('\n');
      assert.match(log, /CannotPullContainerError/);
      assert.match(log, /Command execution finished with status FAILURE/);

      const services = servicesOf(stack, where.cluster);
      assert.deepEqual(
        services.map((service) => [service.desired, service.running]),
        [
          [2, 2],
          [0, 0],
        ],
        JSON.stringify(services),
      );
      assert.equal(services[0]?.name, old.name);
    });

    test('every request to AWS fits its published model', () => assertNothingWasRefused(stack));
  });
}
