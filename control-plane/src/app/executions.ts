import { createHash } from 'node:crypto';
import { OutriderError, type Problem } from '@outrider/shared/errors.ts';
import { type ExecutionId, taskId } from '@outrider/shared/ids.ts';
import { canonicalJson, type JsonObject } from '@outrider/shared/json.ts';
import { DEFAULT_APPLICATION } from '@outrider/shared/model/common.ts';
import type { Resource } from '@outrider/shared/model/resource.ts';
import { type Concurrency, DEFAULT_CONCURRENCY } from '@outrider/shared/model/workflow.ts';
import { storedResources } from '../documents/checks/catalog.ts';
import { checkReferences } from '../documents/checks/references.ts';
import type { ReferenceProblem } from '../documents/checks/report.ts';
import type { ExecutionInput } from '../domain/execution/events.ts';
import { type Answer, type ExecutionState, isLiving, stepState } from '../domain/execution/state.ts';
import type { DelegateView } from '../domain/fleet/match.ts';
import type { ExecutionPlan } from '../domain/planning/plan.ts';
import { plan } from '../domain/planning/planner.ts';
import type { PlanProblem } from '../domain/planning/problems.ts';
import { requireDelegates } from './eligibility.ts';
import type { Engine } from './engine-port.ts';
import type {
  Actor,
  ExecutionFilter,
  ExecutionPage,
  Executions,
  ExecutionView,
  StartedExecution,
  StartRequest,
  StepDetails,
  StepStatus,
} from './executions-port.ts';
import { findStepByReference } from './find-step.ts';
import { placeFor } from './place.ts';
import type { Clock, IdempotencyKey, Store } from './ports.ts';
import { SerialQueues } from './serial-queues.ts';
import { loadReferenced, loadWorkflow } from './stored-resources.ts';
import { executionView, type ProgressOf, stepView, summaryView } from './views.ts';

export interface ExecutionsDependencies {
  readonly store: Store;
  readonly engine: Engine;
  readonly clock: Clock;
  /** Every delegate that is known, connected or not. */
  readonly fleet: () => readonly DelegateView[];
  readonly progressOf: ProgressOf;
}

/** Starts that may wait for each other. */
const WAITING_STARTS = 1_000;
const PAGE_LIMIT = 200;
const EVENTS_LIMIT = 1_000;

export function createExecutions(dependencies: ExecutionsDependencies): Executions {
  const { store, engine, progressOf } = dependencies;
  const starts = new SerialQueues(WAITING_STARTS);
  const viewOf = (state: ExecutionState) => executionView(state, progressOf);
  const load = async (id: ExecutionId) => (await engine.load(id)) ?? noSuchExecution(id);
  const interrupt = async (id: ExecutionId, input: ExecutionInput, act: string): Promise<ExecutionView> => {
    const outcome = await engine.submit(id, input);
    if (outcome.kind === 'ok') return viewOf(outcome.state);
    if (outcome.kind === 'refused') throw notNow(id, act, outcome.because);
    return noSuchExecution(id);
  };
  return {
    // One after the other: two starts must not both find the place free.
    start: (request, by) => starts.run('start', () => start(dependencies, request, by)),
    abort: (id, { rollback, reason }, by) =>
      interrupt(id, { kind: 'abort', by: by.name, reason, rollback }, 'be aborted'),
    pause: (id, { reason }, by) => interrupt(id, { kind: 'pause', by: by.name, reason }, 'be paused'),
    resume: (id, { reason }, by) => interrupt(id, { kind: 'resume', by: by.name, reason }, 'be resumed'),
    async rollback(id, { reason }, by) {
      const state = await load(id);
      if (state.kind === 'ended' && state.status === 'succeeded') throw rollbackAfterSuccess(state);
      return await interrupt(id, { kind: 'rollback', by: by.name, reason }, 'be rolled back');
    },
    async answer(id, reference, { answer, reason }, by) {
      const { phase, step } = findStepByReference((await load(id)).plan, reference);
      const input: ExecutionInput = { kind: 'answer', stepId: step.id, answer, by: by.name, reason };
      const outcome = await engine.submit(id, input);
      if (outcome.kind === 'ok') return viewOf(outcome.state);
      if (outcome.kind !== 'refused') return noSuchExecution(id);
      throw notAsked(id, `${phase.name}/${step.name}`, answer, outcome.because);
    },
    get: async (id) => viewOf(await load(id)),
    list: (filter) => list(store, filter),
    async events(id, afterSeq, limit) {
      const state = await load(id);
      const events = await store.readEvents(id, afterSeq, within(limit, EVENTS_LIMIT));
      const last = events.at(-1)?.seq ?? afterSeq;
      return { events, ended: state.kind === 'ended' && last >= state.seq };
    },
    step: async (id, reference) => stepDetails(await load(id), reference, progressOf),
  };
}

async function start(
  { store, engine, clock, fleet, progressOf }: ExecutionsDependencies,
  request: StartRequest,
  by: Actor,
): Promise<StartedExecution> {
  const viewed = async (id: ExecutionId, replayed: boolean): Promise<StartedExecution> => {
    const state = (await engine.load(id)) ?? noSuchExecution(id);
    return { execution: executionView(state, progressOf), replayed };
  };
  const idempotency = keyOf(request, by, clock.now());
  if (idempotency !== undefined) {
    const { scope, key, requestDigest, atMs } = idempotency;
    const used = await store.findIdempotent(scope, key, atMs);
    if (used !== undefined) {
      if (used.requestDigest !== requestDigest) throw keyReused(key);
      return await viewed(used.executionId, true);
    }
  }
  const { planned, concurrency } = await makePlan(store, request, by);
  const place = await placeFor(store, planned, concurrency);
  requireDelegates(planned, fleet());
  const outcome = await engine.start({
    plan: planned,
    ...place,
    startedBy: by.name,
    reason: request.reason ?? '',
    artifacts: request.artifacts,
    variables: request.variables,
    ...(idempotency === undefined ? {} : { idempotency }),
  });
  if (outcome.kind === 'ok') return { execution: executionView(outcome.state, progressOf), replayed: false };
  if (!outcome.sameRequest) throw keyReused(request.idempotencyKey ?? '');
  return await viewed(outcome.executionId, true);
}

async function makePlan(
  store: Store,
  request: StartRequest,
  by: Actor,
): Promise<{ readonly planned: ExecutionPlan; readonly concurrency: Concurrency }> {
  const application = request.application ?? DEFAULT_APPLICATION;
  const { workflow, version } = await loadWorkflow(store, application, request.workflow);
  const resources = await loadReferenced(store, workflow);
  // What the workflow refers to may have changed since it was applied.
  const stored = [resources.environments, resources.services, resources.infrastructures].flatMap(
    (found): Resource[] => [...found.values()],
  );
  const broken = checkReferences([{ resource: workflow }], storedResources(stored));
  if (broken.length > 0) throw cannotStart(request.workflow, broken);
  const planned = plan({
    workflow,
    workflowVersion: version,
    resources,
    start: { artifacts: request.artifacts, variables: request.variables },
    startedBy: by.name,
  });
  if ('problems' in planned) throw cannotStart(request.workflow, planned.problems);
  return { planned: planned.plan, concurrency: workflow.spec.concurrency ?? DEFAULT_CONCURRENCY };
}

/** All problems at once; the first one gives the code, and its hint where it is the only one. */
function cannotStart(workflow: string, problems: readonly (PlanProblem | ReferenceProblem)[]): OutriderError {
  const [first] = problems;
  const listed = problems.map(({ code: _code, pointer: _pointer, ...problem }): Problem => problem);
  const message =
    problems.length === 1 && first !== undefined
      ? `The workflow "${workflow}" cannot start: ${first.message}`
      : `${problems.length} problems keep the workflow "${workflow}" from starting`;
  return new OutriderError(first?.code ?? 'request-invalid', message, {
    problems: listed,
    ...(problems.length === 1 && first?.hint !== undefined ? { hint: first.hint } : {}),
  });
}

/** The key of a repeated request, bound to its caller and to what it asks for. */
function keyOf(request: StartRequest, by: Actor, atMs: number): IdempotencyKey | undefined {
  const { idempotencyKey: key, workflow, application, artifacts, variables, reason } = request;
  if (key === undefined) return undefined;
  const asked: JsonObject = {
    workflow,
    application: application ?? DEFAULT_APPLICATION,
    artifacts,
    variables,
    reason: reason ?? '',
  };
  const requestDigest = createHash('sha256').update(canonicalJson(asked)).digest('hex');
  return { scope: by.name, key, requestDigest, atMs };
}

function keyReused(key: string): OutriderError {
  return new OutriderError('idempotency-key-reused', `The idempotency key "${key}" was used for another request`);
}

async function list(store: Store, filter: ExecutionFilter): Promise<ExecutionPage> {
  const { statuses, application, workflow, cursor } = filter;
  if (cursor !== undefined && !/^exe_[0-9A-Z]{26}$/.test(cursor)) {
    throw new OutriderError('request-invalid', 'The cursor is none of ours', { hint: 'Use nextCursor of a page.' });
  }
  const limit = within(filter.limit, PAGE_LIMIT);
  const found = await store.listSummaries({
    ...(statuses === undefined ? {} : { statuses }),
    ...(application === undefined ? {} : { application }),
    ...(workflow === undefined ? {} : { workflow }),
    ...(cursor === undefined ? {} : { before: cursor }),
    limit: limit + 1,
  });
  const items = found.slice(0, limit).map(summaryView);
  return { items, nextCursor: found.length > limit ? (items.at(-1)?.id ?? null) : null };
}

/** Statuses of steps that may write to a log yet, though no delegate has them now. */
const MORE_MAY_COME: readonly StepStatus[] = ['pending', 'paused', 'waiting'];

function stepDetails(state: ExecutionState, reference: string, progressOf: ProgressOf): StepDetails {
  const { phase, section, step } = findStepByReference(state.plan, reference);
  const now = stepState(state, step.id);
  const attempts = now.kind === 'pending' || now.kind === 'skipped' ? 0 : now.attempt;
  const view = stepView(state, phase, section, step, progressOf);
  return {
    stepId: step.id,
    phase: phase.name,
    step: view,
    tasks: Array.from({ length: attempts }, (_, index) => taskId(state.id, step.id, index + 1)),
    ended: !isLiving(now) && !MORE_MAY_COME.includes(view.status),
  };
}

function within(limit: number, most: number): number {
  return Math.max(1, Math.min(Math.trunc(limit) || 1, most));
}

function noSuchExecution(id: ExecutionId): never {
  throw new OutriderError('not-found', `There is no execution ${id}`, { hint: 'See `outrider list`.' });
}

function notNow(id: ExecutionId, act: string, because: string): OutriderError {
  return new OutriderError('not-allowed-now', `Execution ${id} cannot ${act}: ${because}`, {
    hint: `See \`outrider show ${id}\` for its state.`,
  });
}

const ANSWERED: Readonly<Record<Answer['answer'], string>> = {
  retry: 'retried',
  ignore: 'ignored',
  'mark-success': 'marked as success',
};

function notAsked(id: ExecutionId, step: string, answer: Answer['answer'], because: string): OutriderError {
  return new OutriderError('not-allowed-now', `${step} of ${id} cannot be ${ANSWERED[answer]}: ${because}`, {
    hint: `That is for steps whose failure strategy is manual-intervention, while they wait: outrider show ${id}. To stop the execution: outrider abort ${id}, or outrider rollback ${id}.`,
  });
}

function rollbackAfterSuccess(state: ExecutionState): OutriderError {
  const { name } = state.plan.workflow;
  return new OutriderError('not-allowed-now', `Execution ${state.id} cannot be rolled back: it has succeeded`, {
    hint: `This version rolls back what runs. Run "${name}" again with the image that you want back.`,
  });
}
