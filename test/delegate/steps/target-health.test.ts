import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { Aws, TargetHealth } from '@outrider/delegate/aws/ports.ts';
import { unhealthyTargets } from '@outrider/delegate/steps/target-health.ts';
import { outputOf, type StepWorld, startStepWorld, stepTask } from '../../support/step-harness.ts';
import { NEW_IMAGE, runSetup } from '../../support/step-stories.ts';
import { makeTargetGroups } from '../../support/target-groups.ts';

describe('targets of a service', () => {
  let world: StepWorld;
  beforeEach(async () => {
    world = await startStepWorld();
  });
  afterEach(async () => {
    await world.close();
  });

  async function deployed() {
    const [targetGroupArn = ''] = await makeTargetGroups(world, { count: 1, targetType: 'instance' });
    const setup = await runSetup(world, { image: NEW_IMAGE, with: { loadBalancers: [{ targetGroupArn }] } });
    const options = { stepId: 'p1.2', with: { desiredInstances: '100%' }, prior: { setup } };
    outputOf(await world.run(stepTask('ecs-upgrade-containers', options)));
    const service = await world.aws.ecs.describeService('example', setup.serviceName);
    assert.ok(service !== undefined);
    return { service, health: await world.aws.loadBalancing.describeTargetHealth(targetGroupArn) };
  }
  const showing = (health: readonly TargetHealth[]): Aws => ({
    ...world.aws,
    loadBalancing: { ...world.aws.loadBalancing, describeTargetHealth: async () => health },
  });

  test('are healthy, draining, unknown or of other services: only its own count, and each not healthy one is named', async () => {
    const { service, health } = await deployed();
    const look = (shown: readonly TargetHealth[]) => unhealthyTargets({ aws: showing(shown) }, 'example', service);
    const foreign: TargetHealth = { target: 'i-0123456789abcdef0', port: 9, state: 'unhealthy' };
    assert.deepEqual(await look([...health, foreign]), []);
    const [first, ...rest] = health;
    assert.ok(first !== undefined && rest.length === 1);
    const initial = { ...first, state: 'initial', reason: 'Elb.InitialHealthChecking' };
    assert.match((await look([initial, ...rest])).join(), /^task [0-9a-f]{32} is initial, Elb\.InitialHealthChecking$/);
    assert.match((await look(rest)).join(), /^task [0-9a-f]{32} is not registered yet$/);
  });
});
