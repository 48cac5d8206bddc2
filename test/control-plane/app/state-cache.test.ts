import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StateCache } from '@outrider/control-plane/app/state-cache.ts';
import type { RecordedEvent } from '@outrider/control-plane/domain/execution/events.ts';
import { fold } from '@outrider/control-plane/domain/execution/evolve.ts';
import { createMemoryStore } from '@outrider/control-plane/store/memory.ts';
import { PLAIN, planOf } from '../domain/plans.ts';
import { EXECUTION_ID, Story } from '../domain/story.ts';

/** A history longer than what is read at a time. */
function longHistory(events: number): readonly RecordedEvent[] {
  const story = Story.begun(planOf([{ steps: [[PLAIN]] }])).accept('p1.1');
  const checkpoint = { type: 'step-checkpointed', stepId: 'p1.1', attempt: 1 } as const;
  const more = Array.from({ length: events }, (_, index) => ({
    seq: story.state.seq + index + 1,
    atMs: index,
    event: { ...checkpoint, facts: { last: index } },
  }));
  return [...story.events, ...more];
}

function storeWith(history: readonly RecordedEvent[]) {
  const reads: number[] = [];
  const store = {
    ...createMemoryStore(),
    async readEvents(_id: string, afterSeq: number, limit: number) {
      reads.push(afterSeq);
      return history.filter((event) => event.seq > afterSeq).slice(0, limit);
    },
  };
  return { store, reads };
}

test('a long history is read to its end', async () => {
  const history = longHistory(2_500);
  const { store } = storeWith(history);
  const state = await new StateCache(store, 10).load(EXECUTION_ID);
  assert.deepEqual(state, fold(EXECUTION_ID, history));
});

test('only what is new is read again', async () => {
  const history = longHistory(10);
  const { store, reads } = storeWith(history);
  const cache = new StateCache(store, 10);
  await cache.load(EXECUTION_ID);
  await cache.load(EXECUTION_ID);
  assert.deepEqual(reads, [0, history.length]);
});

test('an older state does not push out a newer one', () => {
  const { store } = storeWith([]);
  const cache = new StateCache(store, 10);
  const older = fold(EXECUTION_ID, longHistory(1));
  const newer = fold(EXECUTION_ID, longHistory(2));
  assert.ok(older && newer);
  cache.put(newer);
  cache.put(older);
  assert.equal(cache.known(EXECUTION_ID), newer);
});

test('the states used longest ago are forgotten', () => {
  const { store } = storeWith([]);
  const cache = new StateCache(store, 2);
  const state = fold(EXECUTION_ID, longHistory(0));
  assert.ok(state);
  for (const id of ['a', 'b', 'a', 'c']) cache.put({ ...state, id });
  assert.deepEqual(
    ['a', 'b', 'c'].map((id) => cache.known(id)?.id),
    ['a', undefined, 'c'],
  );
});
