import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLiving, stepState } from '@outrider/control-plane/domain/execution/state.ts';
import type { ExecutionPlan } from '@outrider/control-plane/domain/planning/plan.ts';
import { allSteps, findStep, sameTarget, stepsOfPhase } from '@outrider/control-plane/domain/planning/walk.ts';
import type { JsonObject } from '@outrider/shared/json.ts';
import { workflowSchema } from '@outrider/shared/model/workflow.ts';
import { STEP_SPECS, type StepType } from '@outrider/shared/steps/index.ts';
import * as fc from 'fast-check';
import {
  infrastructureDocument,
  phaseDocument,
  planned,
  SERVICE_NAME,
  serviceDocument,
  workflowDocument,
} from '../control-plane/domain/planning/resources.ts';
import { SETUP_OUTPUT } from '../control-plane/domain/plans.ts';
import { BAD_IMAGE, Story } from '../control-plane/domain/story.ts';

const RUNS = 600;

/** Texts that resolve always, sometimes, or never. */
const text = fc.constantFrom(
  'web',
  '${app.name}-${env.name}',
  '${serviceVariable.LOG_LEVEL}',
  '${workflow.variables.Size}',
  '${ECS__Service__Setup.serviceName}',
  '${First.containers}',
  '${infra.cluster}',
  '${phase.name}',
  '${nobody.knows}',
  '${EXECUTION_ROLE}',
  '${CONTAINER_NAME}',
);
const named = (name: string, type: StepType, fields: fc.Arbitrary<JsonObject> = fc.constant({})) =>
  fields.map((each): JsonObject => ({ name, type, with: each }));
const step = fc.oneof(
  named(
    'First',
    'ecs-steady-state-check',
    text.map((serviceName) => ({ serviceName })),
  ),
  named(
    'Second',
    'ecs-steady-state-check',
    text.map((serviceName) => ({ serviceName })),
  ),
  named(
    'Upgrade Containers',
    'ecs-upgrade-containers',
    fc.constantFrom('50%', 1, '${workflow.variables.Size}', 'half').map((desiredInstances) => ({ desiredInstances })),
  ),
  named('ECS Canary Deploy', 'ecs-canary-deploy'),
  named('ECS Canary Delete', 'ecs-canary-delete'),
  named('ECS Rolling Deploy', 'ecs-rolling-deploy'),
);
const setup = named(
  'ECS Service Setup',
  'ecs-service-setup',
  fc.oneof(
    fc.constant({}),
    text.map((serviceName) => ({ serviceName })),
    text.map((steadyStateTimeoutMinutes) => ({ steadyStateTimeoutMinutes })),
  ),
);
const entries = fc
  .uniqueArray(step, { maxLength: 4, selector: (each) => each['name'] })
  .chain((steps) => fc.boolean().map((parallel) => (parallel && steps.length > 1 ? [{ parallel: steps }] : steps)));
const sections = fc.record(
  { 'Setup Container': fc.array(setup, { maxLength: 1 }), 'Deploy Containers': entries },
  { noNullPrototype: true },
);
const phase: fc.Arbitrary<JsonObject> = fc.record(
  {
    service: fc.constantFrom(SERVICE_NAME, SERVICE_NAME, 'other', 'nobody'),
    infrastructure: fc.constantFrom('example', 'example', 'west'),
    sections,
    rollback: fc.constantFrom({}, { 'Deploy Containers': [{ name: 'Back', type: 'ecs-rollback-containers' }] }),
  },
  { requiredKeys: [], noNullPrototype: true },
);
const workflow = fc.array(phase, { minLength: 1, maxLength: 3 }).map((phases) =>
  workflowDocument({
    variables: [{ name: 'Size', default: '100%' }],
    phases: phases.map((rest, index) => phaseDocument(`Phase ${index + 1}`, rest)),
  }),
);

const WORLD = {
  services: [serviceDocument(SERVICE_NAME), serviceDocument('other')],
  infrastructures: [infrastructureDocument('example'), infrastructureDocument('west', { region: 'us-west-2' })],
};

function outputOf(type: StepType): JsonObject {
  if (type === 'ecs-service-setup') return SETUP_OUTPUT;
  return Object.fromEntries(Object.keys(STEP_SPECS[type].output.shape).map((key) => [key, 'known now']));
}

function checkPlan(plan: ExecutionPlan): void {
  const ids = allSteps(plan).map((each) => each.id);
  assert.equal(new Set(ids).size, ids.length);
  for (const back of plan.rollbackPhases) {
    const forward = plan.phases.find((each) => each.number === back.number);
    assert.ok(forward);
    const undone = stepsOfPhase(back).flatMap((each) => each.undoes);
    assert.ok(undone.every((id) => stepsOfPhase(forward).some((each) => each.id === id)));
  }
  for (const target of plan.phases) {
    const steps = plan.phases.filter((each) => sameTarget(each, target)).flatMap(stepsOfPhase);
    const resizes = steps.filter((each) => each.type === 'ecs-upgrade-containers');
    const final = steps.filter((each) => each.finalResize);
    assert.deepEqual(final, resizes.slice(-1), 'the last resize of a service, and no other, is the final one');
  }
}

/** Everything succeeds up to `failAt` steps, then everything fails. */
function carryOut(plan: ExecutionPlan, failAt: number): Story {
  const story = Story.begun(plan);
  for (let done = 0; story.state.kind !== 'ended'; done++) {
    const [stepId] = story.living;
    assert.ok(stepId);
    const living = stepState(story.state, stepId);
    const type = findStep(plan, stepId)?.step.type;
    assert.ok(isLiving(living) && type);
    if (living.kind === 'cancelling') story.stopped(stepId);
    else if (done < failAt || stepId.startsWith('r')) story.run(stepId, outputOf(type));
    else story.accept(stepId).fail(stepId, BAD_IMAGE);
  }
  return story;
}

test('planning never throws, and a plan that was made can be carried out: nothing in it fails to resolve later', () => {
  let made = 0;
  let refused = 0;
  fc.assert(
    fc.property(workflow, fc.nat(8), (document, failAt) => {
      if (!workflowSchema.safeParse(document).success) return;
      const artifacts: Record<string, string> = {};
      for (const name of [SERVICE_NAME, 'other']) {
        if (JSON.stringify(document).includes(`"service":"${name}"`)) artifacts[name] = ':1';
      }
      const outcome = planned(document, { ...WORLD, artifacts });
      if ('problems' in outcome) {
        refused++;
        assert.ok(outcome.problems.length > 0);
        return;
      }
      made++;
      checkPlan(outcome.plan);
      const { state } = carryOut(outcome.plan, failAt);
      for (const [id, each] of Object.entries(state.steps)) {
        if (each.kind === 'failed') assert.equal(each.failure.code, BAD_IMAGE.code, `${id}: ${each.failure.message}`);
      }
    }),
    { numRuns: RUNS },
  );
  assert.ok(made > RUNS / 20 && refused > RUNS / 20, `${made} plans were made, ${refused} refused`);
});
