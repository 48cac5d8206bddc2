import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { heldSteps } from '@outrider/control-plane/domain/execution/next.ts';
import { PLAIN, planOf, retry } from '../plans.ts';
import { BAD_IMAGE, Story } from '../story.ts';

const twoPhases = () =>
  planOf([
    { steps: [[PLAIN], [PLAIN]], rollback: [[PLAIN]] },
    { steps: [[PLAIN]], rollback: [[PLAIN]] },
  ]);

const held = ({ state }: Story) => (state.kind === 'paused' ? heldSteps(state) : assert.fail(`it is ${state.kind}`));

describe('an execution that is paused', () => {
  test('lets the running step end, begins no other, and goes on there when it is resumed', () => {
    const story = Story.begun(twoPhases()).accept('p1.1').pause().succeed('p1.1');
    assert.deepEqual(story.living, []);
    assert.deepEqual(held(story), ['p1.2']);
    story.resume();
    assert.deepEqual(story.living, ['p1.2']);
    story.run('p1.2').run('p2.1');
    assert.equal(story.end, 'succeeded, rollback none');
  });

  test('also between two phases', () => {
    const story = Story.begun(twoPhases()).run('p1.1').accept('p1.2').pause().succeed('p1.2');
    assert.ok(story.told.includes('phase-finished Phase 1'));
    assert.ok(!story.told.includes('phase-started Phase 2'));
    assert.deepEqual(held(story), ['p2.1']);
    story.resume();
    assert.deepEqual(story.living, ['p2.1']);
  });

  test('ends by itself where its last step ran already', () => {
    const story = Story.begun(planOf([{ steps: [[PLAIN]] }]))
      .accept('p1.1')
      .pause();
    assert.deepEqual(held(story), []);
    story.succeed('p1.1');
    assert.equal(story.end, 'succeeded, rollback none');
  });

  test('holds the next attempt of a step that is to be tried again', () => {
    const story = Story.begun(planOf([{ steps: [[{ ...PLAIN, failureStrategies: [retry(1)] }]] }]));
    story.accept('p1.1').pause().fail('p1.1');
    assert.deepEqual(story.living, []);
    assert.deepEqual(held(story), ['p1.1']);
    story.resume();
    assert.deepEqual(story.living, ['p1.1']);
    assert.equal(story.attempt('p1.1'), 2);
  });

  test('is rolled back when a step fails: that is not held up', () => {
    const story = Story.begun(twoPhases()).accept('p1.1').pause().fail('p1.1', BAD_IMAGE);
    assert.equal(story.state.kind, 'rolling-back');
    assert.deepEqual(story.living, ['r1.1']);
  });

  test('can be aborted, and can be rolled back', () => {
    const aborted = Story.begun(twoPhases()).run('p1.1').accept('p1.2').pause().succeed('p1.2').abort(false);
    assert.equal(aborted.end, 'aborted, rollback none');
    const back = Story.begun(twoPhases()).accept('p1.1').pause().succeed('p1.1');
    back.put({ kind: 'rollback', by: 'ana', reason: '' });
    back.run('r1.1');
    assert.equal(back.end, 'failed, rollback succeeded');
  });

  test('is not paused twice, and only what is paused is resumed', () => {
    const pause = { kind: 'pause', by: 'ben', reason: '' } as const;
    const resume = { kind: 'resume', by: 'ben', reason: '' } as const;
    const story = Story.begun(twoPhases());
    assert.equal(story.refusal(resume), 'it is not paused');
    assert.equal(story.pause().refusal(pause), 'it is paused already');
    assert.equal(story.resume().refusal(resume), 'it is not paused');
    const back = Story.begun(twoPhases()).accept('p1.1').fail('p1.1');
    assert.match(back.refusal(pause), /its rollback runs already; it is not held up half way/);
  });
});
