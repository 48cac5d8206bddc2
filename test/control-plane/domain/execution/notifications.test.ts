import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Notification } from '@outrider/control-plane/domain/execution/notifications.ts';
import { on, PLAIN, planOf } from '../plans.ts';
import { BAD_IMAGE, Story } from '../story.ts';

const plan = () => planOf([{ steps: [[PLAIN, PLAIN]], rollback: [[PLAIN]] }]);
const told = (story: Story): Notification[] =>
  story.effects.flatMap((effect) => (effect.kind === 'notify' ? [effect.notification] : []));
const types = (story: Story): string[] => told(story).map(({ type }) => type);

describe('what is told of an execution', () => {
  test('its start and its end', () => {
    const story = Story.begun(plan()).run('p1.1').run('p1.2');
    assert.deepEqual(types(story), ['execution.started', 'execution.succeeded']);
  });

  test('that it was rolled back', () => {
    const story = Story.begun(plan()).accept('p1.1').fail('p1.1').stopped('p1.2').run('r1.1');
    assert.deepEqual(types(story), ['execution.started', 'execution.rolled_back']);
    assert.equal(told(story)[1]?.execution.failure?.code, BAD_IMAGE.code);
  });

  test('that its rollback failed', () => {
    const story = Story.begun(plan()).accept('p1.1').fail('p1.1').stopped('p1.2').accept('r1.1').fail('r1.1');
    assert.deepEqual(types(story), ['execution.started', 'execution.rollback_failed']);
  });

  test('that a person is asked what follows, with the reason', () => {
    const asking = { ...PLAIN, failureStrategies: [on('manual-intervention')] };
    const story = Story.begun(planOf([{ steps: [[asking]] }]))
      .accept('p1.1')
      .fail('p1.1');
    assert.deepEqual(types(story), ['execution.started', 'execution.waiting']);
    const { status, failure } = told(story)[1]?.execution ?? {};
    assert.deepEqual([status, failure?.code], ['waiting', BAD_IMAGE.code]);
  });

  test('nothing of what waits for its turn', () => {
    const other = { executionId: 'exe_OTHER', workflow: 'web', resource: 'ECS/web@example' };
    assert.deepEqual(types(Story.queued(plan(), [other])), []);
  });
});
