import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { renderTask } from '@outrider/control-plane/domain/execution/render.ts';
import { PLAIN, planOf } from '../plans.ts';
import { Story } from '../story.ts';

describe("a service's AWS documents", () => {
  test('reach the delegate with the types that AWS wants, whatever their expressions gave', () => {
    const sketch = planOf([{ steps: [[PLAIN]] }], {
      values: { serviceVariable: { MEMORY: '256', CPU: 512, COUNT: '3', NOTHING: null } },
    });
    const [phase] = sketch.phases;
    assert.ok(phase);
    const service = {
      ...phase.service,
      taskDefinition: {
        cpu: '${serviceVariable.CPU}',
        containerDefinitions: [{ name: 'web', image: 'web', memory: '${serviceVariable.MEMORY}' }],
      },
      serviceDefinition: { desiredCount: '${serviceVariable.COUNT}', role: '${serviceVariable.NOTHING}' },
    };
    const plan = { ...sketch, phases: [{ ...phase, service }] };
    const step = plan.phases[0]?.sections.flatMap((section) => section.groups.flat())[0];
    assert.ok(step && plan.phases[0]);
    const rendered = renderTask(Story.begun(plan).state, { phase: plan.phases[0], step }, 1);
    assert.ok('task' in rendered, JSON.stringify(rendered));
    assert.deepEqual(rendered.task.service.taskDefinition, {
      cpu: '512',
      containerDefinitions: [{ name: 'web', image: 'web', memory: 256 }],
    });
    assert.deepEqual(rendered.task.service.serviceDefinition, { desiredCount: 3 });
  });
});
