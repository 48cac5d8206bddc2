import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { failureCodeOf, outputOf, type StepWorld, startStepWorld, stepTask } from '../../support/step-harness.ts';

describe('a wait', () => {
  let world: StepWorld;
  before(async () => {
    world = await startStepWorld();
  });
  after(async () => {
    await world.close();
  });
  const FIVE_MINUTES = stepTask('wait', { with: { durationSeconds: 300 } });

  test('lets its time pass and asks nothing of AWS', async () => {
    const started = world.simulator.clock.now;
    const run = await world.run(FIVE_MINUTES);
    assert.deepEqual(outputOf(run), { waitedSeconds: 300 });
    assert.equal(world.simulator.clock.now - started, 300_000);
    assert.deepEqual(run.texts, [
      'Begin execution of command: Wait',
      'Waiting for 300 seconds.',
      'Waited for 300 seconds.',
      'Command execution finished with status SUCCESS',
    ]);
    assert.deepEqual(world.simulator.control.calls(), []);
  });

  test('taken up by another delegate waits for what is left', async () => {
    const started = world.simulator.clock.now;
    const cut = await world.run(FIVE_MINUTES, { stopAtWait: (wait) => (wait === 3 ? 'draining' : undefined) });
    assert.equal(cut.outcome.outcome, 'stopped');
    assert.equal(world.simulator.clock.now - started, 120_000);
    world.advance(60_000);
    // The deadline is the same moment as it was: three minutes nearer.
    const rest = await world.run(FIVE_MINUTES, { facts: cut.facts, deadlineMinutes: 27 });
    assert.deepEqual(outputOf(rest), { waitedSeconds: 300 });
    assert.equal(world.simulator.clock.now - started, 300_000);
    assert.ok(rest.texts.includes('120 of 300 seconds are left.'), rest.texts.join('\n'));
  });

  test('that ended while nobody had it is over at once, and one is never longer than it was meant to be', async () => {
    const facts = { endsBeforeDeadlineMs: 1_500_000 };
    const late = await world.run(FIVE_MINUTES, { facts, deadlineMinutes: 10 });
    assert.equal(late.waits, 0);
    const started = world.simulator.clock.now;
    await world.run(FIVE_MINUTES, { facts, deadlineMinutes: 90 });
    assert.equal(world.simulator.clock.now - started, 300_000);
  });

  test('of no time, or more than a day, is refused', async () => {
    for (const durationSeconds of [0, 86_401, '1 minute']) {
      const run = await world.run(stepTask('wait', { with: { durationSeconds } }));
      assert.equal(failureCodeOf(run), 'step-input-invalid');
    }
  });
});
