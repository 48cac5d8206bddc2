import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Store, TaskChange } from '@outrider/control-plane/app/ports.ts';
import { createMemoryStore } from '@outrider/control-plane/store/memory.ts';
import { openStore } from '@outrider/control-plane/store/open.ts';
import type { OperationName } from '@outrider/control-plane/store/operations.ts';
import { OutriderError } from '@outrider/shared/errors.ts';
import * as fc from 'fast-check';
import { askOf, dump, type Move } from './moves.ts';
import { inDirectory, STORE_URLS } from './stores.ts';

/**
 * What every operation can answer, in one word each. The test fails when one of them never came up: then the random
 * histories have become too tame to say anything about it.
 */
const OUTCOMES: Readonly<Record<OperationName, readonly string[]>> = {
  check: ['done'],
  putResources: ['ok', 'conflict'],
  getResource: ['found', 'done'],
  listResources: ['some', 'none'],
  deleteResource: ['ok', 'not-found', 'conflict'],
  commit: ['ok', 'conflict', 'stale', 'duplicate', 'unknown-task', 'replayed', 'internal'],
  readEvents: ['some', 'none'],
  getSummary: ['found', 'done'],
  listSummaries: ['some', 'none'],
  pendingEffects: ['some', 'none'],
  effectDone: ['done'],
  findIdempotent: ['found', 'done'],
  verifyHistory: ['ok'],
  enqueueTask: ['done'],
  getTask: ['found', 'done'],
  livingTasks: ['some'],
  offerTask: ['ok', 'not-queued'],
  returnOffer: ['ok', 'stale'],
  renewLeases: ['found'],
  reattachTask: ['ok', 'stale', 'ended'],
  extendAllLeases: ['0', '1'],
  cancelTask: ['found', 'done'],
  raiseGeneration: ['found'],
  appendLog: ['ok', 'stale', 'gap', 'unknown-task'],
  readLog: ['some', 'none'],
  logDigest: ['found'],
  seeDelegate: ['done'],
  getDelegate: ['found', 'done'],
  listDelegates: ['some', 'none'],
  removeDelegate: ['true', 'false'],
  lockDelegate: ['true', 'false'],
  unlockDelegate: ['true', 'false'],
  createJoinToken: ['done'],
  listJoinTokens: ['some', 'none'],
  revokeJoinToken: ['true', 'false'],
  redeemJoinToken: ['ok', 'unknown', 'expired', 'revoked', 'used-up', 'other-name', 'locked', 'internal'],
  findCredential: ['found', 'done'],
  findCredentials: ['some', 'none'],
  renewCredential: ['renewed', 'repeated', 'retired', 'unknown', 'revoked', 'expired', 'reused'],
  revokeCredentials: ['0', '1'],
  createApiKey: ['ok', 'exists'],
  findApiKey: ['found', 'done'],
  listApiKeys: ['some', 'none'],
  revokeApiKey: ['true', 'false'],
  touchApiKey: ['done'],
  getSetting: ['found', 'done'],
  setSetting: ['ok', 'exists'],
  createWebhook: ['done'],
  getWebhook: ['found', 'done'],
  listWebhooks: ['some', 'none'],
  changeWebhook: ['found', 'done'],
  deleteWebhook: ['true', 'false'],
  addDeliveries: ['done'],
  claimDeliveries: ['some', 'none'],
  noteAttempt: ['true', 'false'],
  redeliver: ['found', 'done'],
  getDelivery: ['found', 'done'],
  listDeliveries: ['some', 'none'],
  forgetDeliveries: ['0', '1'],
  createTrigger: ['ok', 'exists'],
  getTrigger: ['found', 'done'],
  findTrigger: ['found', 'done'],
  listTriggers: ['some', 'none'],
  changeTrigger: ['found', 'done'],
  deleteTrigger: ['true', 'false'],
  dueTriggers: ['some', 'none'],
  noteFiring: ['true', 'false'],
};

/** What a commit can answer for each change of a task, beside the outcomes that it has without one. */
const CHANGE_OUTCOMES: Readonly<Record<TaskChange['kind'], readonly string[]>> = {
  accepted: ['ok', 'stale', 'duplicate', 'unknown-task'],
  checkpointed: ['ok', 'stale', 'duplicate', 'unknown-task'],
  released: ['ok', 'stale', 'duplicate', 'unknown-task'],
  ended: ['ok', 'stale', 'duplicate', 'unknown-task'],
  withdrawn: ['ok', 'duplicate', 'unknown-task'],
};

/** Rounds go on until every outcome has come up; one or two are usual. */
const ROUNDS_MAX = 12;
const HISTORIES_PER_ROUND = 6;
/** So that a failure is shown before the test run gives up on the search for a smaller one. */
const ROUND_LIMIT_MS = 30_000;

/** Operations that lead somewhere come more often than those that only look. */
const WEIGHTS: Partial<Record<OperationName, number>> = {
  commit: 40,
  enqueueTask: 6,
  offerTask: 14,
  reattachTask: 3,
  appendLog: 5,
  createJoinToken: 4,
  redeemJoinToken: 16,
  renewCredential: 16,
  unlockDelegate: 2,
  revokeJoinToken: 2,
  putResources: 5,
  getResource: 2,
  deleteResource: 4,
  createWebhook: 3,
  addDeliveries: 4,
  noteAttempt: 3,
  createTrigger: 3,
};

function isOperation(name: string): name is OperationName {
  return Object.hasOwn(OUTCOMES, name);
}
const KINDS = Object.keys(OUTCOMES).filter(isOperation);

const someMove: fc.Arbitrary<Move> = fc.record({
  kind: fc.oneof(...KINDS.map((kind) => ({ weight: WEIGHTS[kind] ?? 1, arbitrary: fc.constant(kind) }))),
  picks: fc.array(fc.nat(5_039), { minLength: 24, maxLength: 24, size: 'max' }),
});
/** Operations that are asked at once, without waiting for each other. */
const someGroups = fc.array(fc.array(someMove, { minLength: 1, maxLength: 24, size: 'max' }), {
  minLength: 20,
  maxLength: 30,
  size: 'max',
});

type Answer = { readonly result: unknown } | { readonly error: string };

async function answerOf(asked: Promise<unknown>): Promise<Answer> {
  try {
    return { result: await asked };
  } catch (error) {
    if (!(error instanceof OutriderError) || error.code === 'store-failed') throw error;
    return { error: `${error.code}: ${error.message}` };
  }
}

function outcomeOf(kind: OperationName, answer: Answer): string {
  if ('error' in answer) return answer.error.slice(0, answer.error.indexOf(':'));
  const { result } = answer;
  if (result === undefined) return 'done';
  if (kind === 'getSetting') return 'found';
  if (Array.isArray(result)) return result.length === 0 ? 'none' : 'some';
  if (typeof result === 'number') return result === 0 ? '0' : '1';
  if (typeof result === 'object' && result !== null) {
    return 'kind' in result && typeof result.kind === 'string' && kind !== 'getResource' ? result.kind : 'found';
  }
  return typeof result === 'boolean' || typeof result === 'string' ? `${result}` : 'found';
}

/** What came up, and how many operations were compared. */
interface Tally {
  readonly seen: Set<string>;
  compared: number;
}

/** The same store, that tells of the changes of tasks that are put to it. */
function watched(store: Store, onChange: (kind: TaskChange['kind']) => void): Store {
  return {
    ...store,
    commit(input) {
      if (input.task !== undefined) onChange(input.task.kind);
      return store.commit(input);
    },
  };
}

async function play(groups: readonly (readonly Move[])[], oracle: Store, store: Store, tally: Tally) {
  for (const moves of groups) {
    const asks = [];
    for (const move of moves) asks.push(await askOf(move, oracle));
    const changes = new Map<number, TaskChange['kind']>();
    const wanted = await Promise.all(
      asks.map((ask, index) => answerOf(ask(watched(oracle, (kind) => changes.set(index, kind))))),
    );
    const given = await Promise.all(asks.map((ask) => answerOf(ask(store))));
    assert.deepEqual(given, wanted);
    tally.compared += moves.length;
    for (const [index, { kind }] of moves.entries()) {
      const answer = wanted[index];
      if (answer === undefined) continue;
      const outcome = outcomeOf(kind, answer);
      tally.seen.add(`${kind}: ${outcome}`);
      const change = changes.get(index);
      if (change !== undefined) tally.seen.add(`${kind} ${change}: ${outcome}`);
    }
  }
}

describe('the stores against each other', () => {
  for (const [name, urlOf] of Object.entries(STORE_URLS).filter(([store]) => store !== 'memory')) {
    test(`any history gives the same answers and leaves the same behind, in ${name} as in memory`, async (context) => {
      const tally: Tally = { seen: new Set(), compared: 0 };
      const histories = fc.asyncProperty(someGroups, (groups) =>
        inDirectory(async (directory) => {
          const oracle = createMemoryStore();
          const store = await openStore(urlOf(directory));
          try {
            await play(groups, oracle, store, tally);
            assert.deepEqual(await dump(store), await dump(oracle));
          } finally {
            await store.close();
          }
          const reopened = await openStore(urlOf(directory));
          try {
            assert.deepEqual(await dump(reopened), await dump(oracle), 'after it was closed and opened again');
          } finally {
            await reopened.close();
          }
        }),
      );
      const wanted = [
        ...KINDS.flatMap((kind) => OUTCOMES[kind].map((outcome) => `${kind}: ${outcome}`)),
        ...Object.entries(CHANGE_OUTCOMES).flatMap(([change, outcomes]) =>
          outcomes.map((outcome) => `commit ${change}: ${outcome}`),
        ),
      ];
      const missing = () => wanted.filter((outcome) => !tally.seen.has(outcome));
      for (let round = 0; round < ROUNDS_MAX && missing().length > 0; round++) {
        await fc.assert(histories, { numRuns: HISTORIES_PER_ROUND, interruptAfterTimeLimit: ROUND_LIMIT_MS });
      }
      context.diagnostic(
        `${tally.compared} operations compared, ${KINDS.length} kinds, ${wanted.length - missing().length} of ${wanted.length} outcomes seen`,
      );
      assert.deepEqual(missing(), [], 'these outcomes never came up');
    });
  }
});
