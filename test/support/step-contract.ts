import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '@outrider/shared/json.ts';
import type { StepTask } from '@outrider/shared/steps/task.ts';
import {
  aroundMutations,
  Crash,
  type RunOptions,
  type StepRun,
  type StepWorld,
  startStepWorld,
} from './step-harness.ts';
import { STORIES, worldOf } from './step-stories.ts';

/**
 * What every step promises: run again from its start, with the facts that were saved, it ends in the same world, wherever
 * it was cut off. Nothing is made twice.
 */

/** Few looks: what counts here is what is changed, not how often it is looked at. */
const polling = { minMs: 10_000, maxMs: 30_000 };

interface Story {
  readonly world: StepWorld;
  readonly task: StepTask;
}

async function withStory<T>(name: string, act: (story: Story) => Promise<T>): Promise<T> {
  const world = await startStepWorld({}, polling);
  try {
    const task = await STORIES[name]?.prepare(world);
    assert.ok(task !== undefined, `there is no story ${name}`);
    return await act({ world, task });
  } finally {
    await world.close();
  }
}

/** Runs the step with a crash; the error that a real crash would never have let out is checked for. */
async function runCrashing(story: Story, options: RunOptions): Promise<StepRun> {
  const run = await story.world.run(story.task, options);
  assert.equal(run.outcome.outcome, 'failed', run.texts.join('\n'));
  assert.ok(run.outcome.outcome === 'failed' && run.outcome.failure.message === 'crashed', JSON.stringify(run.outcome));
  return run;
}

async function straight(name: string): Promise<{ end: JsonObject; mutations: number; waits: number; output: unknown }> {
  return await withStory(name, async ({ world, task }) => {
    let mutations = 0;
    const run = await world.run(task, {
      wrap: (aws) =>
        aroundMutations(aws, async ({ number }, call) => {
          mutations = number;
          return await call();
        }),
    });
    assert.equal(run.outcome.outcome, 'succeeded', `${JSON.stringify(run.outcome)}\n${run.texts.join('\n')}`);
    return { end: worldOf(world), mutations, waits: run.waits, output: run.outcome };
  });
}

/** Registers the tests of these stories. */
export function repeatableStories(names: readonly string[]): void {
  for (const name of names) {
    describe(name, () => {
      test('run a second time it changes nothing', async () => {
        await withStory(name, async ({ world, task }) => {
          const first = await world.run(task);
          assert.equal(
            first.outcome.outcome,
            'succeeded',
            `${JSON.stringify(first.outcome)}\n${first.texts.join('\n')}`,
          );
          const before = world.simulator.control.mutations().length;
          const second = await world.run(task, { facts: first.facts });
          assert.equal(second.outcome.outcome, 'succeeded', second.texts.join('\n'));
          const changes = world.simulator.control.mutations().slice(before);
          // Putting auto scaling as it is to be is an upsert, with its mark; everything else must not even be sent.
          assert.deepEqual(
            changes
              .map((change) => change.operation)
              .filter((operation) => !/Scal|Scheduled|^(Tag|Untag)Resource$/.test(operation)),
            [],
          );
        });
      });

      test('cut off before and after every change, it ends in the same world', async () => {
        const { end, mutations } = await straight(name);
        for (let cut = 1; cut <= mutations; cut++) {
          for (const moment of ['before', 'after'] as const) {
            await withStory(name, async (story) => {
              const crashed = await runCrashing(story, {
                wrap: (aws) =>
                  aroundMutations(aws, async (mutation, call) => {
                    if (mutation.number === cut && moment === 'before') throw new Crash('crashed');
                    if (mutation.number > cut) throw new Crash('crashed');
                    const result = await call();
                    if (mutation.number === cut) throw new Crash('crashed');
                    return result;
                  }),
              });
              story.world.advance(20_000);
              const again = await story.world.run(story.task, { facts: crashed.facts });
              const where = `cut ${moment} change ${cut}`;
              assert.equal(again.outcome.outcome, 'succeeded', `${where}: ${JSON.stringify(again.outcome)}`);
              assert.deepEqual(worldOf(story.world), end, where);
            });
          }
        }
      });

      test('told to stop at any wait, it stops there, and goes on when it is run again', async () => {
        const { end, waits } = await straight(name);
        for (let wait = 1; wait <= waits; wait += Math.max(1, Math.floor(waits / 4))) {
          await withStory(name, async ({ world, task }) => {
            const stopped = await world.run(task, {
              polling,
              stopAtWait: (number) => (number === wait ? 'draining' : undefined),
            });
            assert.deepEqual(
              stopped.outcome.outcome === 'stopped' && stopped.outcome.reason,
              'draining',
              `wait ${wait}: ${JSON.stringify(stopped.outcome)}`,
            );
            const again = await world.run(task, { facts: stopped.facts });
            assert.equal(again.outcome.outcome, 'succeeded', `wait ${wait}: ${JSON.stringify(again.outcome)}`);
            assert.deepEqual(worldOf(world), end, `wait ${wait}`);
          });
        }
      });
    });
  }
}
