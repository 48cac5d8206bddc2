import { OutriderError } from '@outrider/shared/errors.ts';
import type { Concurrency } from '@outrider/shared/model/workflow.ts';
import type { Blocker } from '../domain/execution/state.ts';
import type { ExecutionPlan } from '../domain/planning/plan.ts';
import { resourceKeys } from '../domain/planning/walk.ts';
import type { Store } from './ports.ts';
import { LIVING_STATUSES } from './summary.ts';

/** Executions that are looked at to see who has a place. */
const LIVING_LIMIT = 10_000;
/** Executions that may wait for one place. */
export const QUEUE_LIMIT = 20;

/** How an execution comes to its places: at once where `behind` is empty, else after those in it. */
export interface Place {
  readonly behind: readonly Blocker[];
  /** Those in `behind` are to be stopped. */
  readonly supersedes: boolean;
}

/**
 * One execution at a time for each service and infrastructure. Whoever waits at a place counts as being there, so that
 * turns come in the order in which they were asked for. Starts are decided one after the other: two must not both find
 * the place free.
 * @throws execution-running, queue-full
 */
export async function placeFor(store: Store, planned: ExecutionPlan, concurrency: Concurrency): Promise<Place> {
  const keys = new Set(resourceKeys(planned));
  const behind: Blocker[] = [];
  let waiting = 0;
  for (const other of await store.listSummaries({ statuses: LIVING_STATUSES, limit: LIVING_LIMIT })) {
    const resource = other.resourceKeys.find((key) => keys.has(key));
    if (resource === undefined) continue;
    const blocker: Blocker = { executionId: other.id, workflow: other.workflow, resource };
    if (concurrency === 'reject') throw isTaken(blocker, other.status === 'queued');
    if (other.status === 'queued') waiting++;
    behind.push(blocker);
  }
  if (concurrency === 'queue' && waiting >= QUEUE_LIMIT) throw isFull(behind);
  // The list has the newest first; whoever reads it wants to know who goes first.
  return { behind: behind.toReversed(), supersedes: concurrency === 'supersede' };
}

function isTaken({ executionId, workflow, resource }: Blocker, queued: boolean): OutriderError {
  const does = queued ? 'waits for its turn' : 'runs';
  return new OutriderError('execution-running', `${executionId} (${workflow}) ${does} at ${resource} already`, {
    hint: `Wait for it (outrider watch ${executionId}), or stop it (outrider abort ${executionId}). With "concurrency: queue" in the workflow, runs wait for each other.`,
    data: { executionId, resource },
  });
}

function isFull(behind: readonly Blocker[]): OutriderError {
  const resource = behind[0]?.resource ?? '';
  return new OutriderError('queue-full', `${QUEUE_LIMIT} executions wait for ${resource} already; that is the limit`, {
    hint: 'Wait until some have ended, or abort those that nobody needs: outrider list --status queued.',
    data: { resource, limit: QUEUE_LIMIT },
  });
}
