import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createEngine } from '@outrider/control-plane/app/engine.ts';
import type { Engine, SubmitOutcome } from '@outrider/control-plane/app/engine-port.ts';
import { createExecutions } from '@outrider/control-plane/app/executions.ts';
import type { Executions } from '@outrider/control-plane/app/executions-port.ts';
import { SILENT } from '@outrider/control-plane/app/logger.ts';
import type { Clock, Randomness, Store, TaskRow } from '@outrider/control-plane/app/ports.ts';
import { createResources } from '@outrider/control-plane/app/resources.ts';
import type { Resources } from '@outrider/control-plane/app/resources-port.ts';
import { createWaits, type Waits } from '@outrider/control-plane/app/waits.ts';
import type { ExecutionState } from '@outrider/control-plane/domain/execution/state.ts';
import type { DelegateView } from '@outrider/control-plane/domain/fleet/match.ts';
import type { ExecutionPlan } from '@outrider/control-plane/domain/planning/plan.ts';
import { createMemoryStore } from '@outrider/control-plane/store/memory.ts';
import type { JsonObject } from '@outrider/shared/json.ts';
import { resourceSchema } from '@outrider/shared/model/resource.ts';
import type { TaskOutcome } from '@outrider/shared/protocol/messages.ts';
import { STEP_TYPES } from '@outrider/shared/steps/index.ts';
import { SETUP_OUTPUT } from '../domain/plans.ts';

/** Stands still unless it is moved. */
export class HandClock implements Clock {
  ms = Date.UTC(2026, 0, 1);
  now(): number {
    return this.ms;
  }
}

/** A counter instead of chance. */
export class Counted implements Randomness {
  #next = 0;
  bytes(count: number): Uint8Array {
    this.#next++;
    return Uint8Array.from({ length: count }, (_, index) => (index === count - 1 ? this.#next % 256 : 0));
  }
}

export const VPC_STAGE: DelegateView = {
  name: 'vpc-stage-1',
  connected: true,
  draining: false,
  tags: ['vpc-stage'],
  stepTypes: STEP_TYPES,
  version: '0.1.0',
  region: 'us-east-1',
  slots: 10,
  busy: 0,
  instances: 1,
  lastSeenMs: 0,
};

/** A control plane without its borders, and one delegate that does what tests tell it. */
export class Bench {
  readonly store: Store;
  readonly clock = new HandClock();
  readonly randomness = new Counted();
  readonly engine: Engine;
  readonly executions: Executions;
  readonly resources: Resources;
  readonly waits: Waits;
  fleet: readonly DelegateView[] = [VPC_STAGE];

  constructor(store: Store = createMemoryStore()) {
    this.store = store;
    this.engine = this.anotherEngine();
    this.executions = createExecutions({
      store,
      engine: this.engine,
      clock: this.clock,
      fleet: () => this.fleet,
      progressOf: () => undefined,
    });
    this.waits = createWaits({ store, engine: this.engine, clock: this.clock, logger: SILENT });
    this.resources = createResources({ store, clock: this.clock });
  }

  /** As after a restart, on the same store. */
  anotherEngine(store: Store = this.store): Engine {
    return createEngine({ store, clock: this.clock, randomness: this.randomness, logger: SILENT });
  }

  async start(plan: ExecutionPlan): Promise<string> {
    const outcome = await this.engine.start({ plan, startedBy: 'ana', reason: '', artifacts: {}, variables: {} });
    assert.ok(outcome.kind === 'ok');
    return outcome.state.id;
  }

  async state(id: string): Promise<ExecutionState> {
    const state = await this.engine.load(id);
    assert.ok(state);
    return state;
  }

  async apply(...documents: readonly JsonObject[]): Promise<void> {
    const given = documents.map((document) => ({ resource: resourceSchema.parse(document) }));
    await this.resources.apply(given, 'ana');
  }

  async living(): Promise<readonly string[]> {
    return (await this.store.livingTasks()).map((row) => `${row.stepId} ${row.state}`);
  }

  /** Takes the task as a delegate does: offer, accept, lease. */
  async accept(id: string, stepId: string, engine: Engine = this.engine): Promise<TaskRow> {
    const queued = (await this.store.livingTasks()).find((row) => row.executionId === id && row.stepId === stepId);
    assert.ok(queued, `${stepId} has no task: ${(await this.living()).join(', ')}`);
    const now = this.clock.now();
    const to = { delegate: VPC_STAGE.name, instanceId: 'i-1' };
    const offered = await this.store.offerTask(queued.taskId, to, now, now + 10_000);
    assert.ok(offered.kind === 'ok');
    const { taskId, epoch, attempt } = offered.task;
    const outcome = await engine.submit(
      id,
      { kind: 'task-accepted', stepId, attempt, delegate: VPC_STAGE.name },
      { kind: 'accepted', taskId, epoch, instanceId: 'i-1', leaseUntilMs: now + 30_000 },
    );
    assert.equal(outcome.kind, 'ok');
    return offered.task;
  }

  async end(row: TaskRow, result: TaskOutcome, engine: Engine = this.engine): Promise<SubmitOutcome> {
    const { executionId, stepId, attempt, taskId, epoch } = row;
    const resultSha256 = createHash('sha256').update(JSON.stringify(result)).digest('hex');
    const input = { kind: 'task-ended', stepId, attempt, result } as const;
    return await engine.submit(executionId, input, { kind: 'ended', taskId, epoch, resultSha256 });
  }

  /** Works off everything, `answer` deciding how steps end; answers the steps in the order in which they ran. */
  async workOff(id: string, answer: (row: TaskRow) => TaskOutcome = succeed): Promise<readonly string[]> {
    const ran: string[] = [];
    for (let round = 0; round < 100; round++) {
      const [next] = (await this.store.livingTasks()).filter((row) => row.executionId === id);
      if (next === undefined) return ran;
      const row = await this.accept(id, next.stepId);
      ran.push(row.stepId);
      assert.equal((await this.end(row, answer(row))).kind, 'ok');
    }
    return assert.fail('it does not end');
  }
}

export function succeed(row: TaskRow): TaskOutcome {
  const output = row.stepType === 'ecs-service-setup' ? SETUP_OUTPUT : {};
  return { outcome: 'succeeded', output };
}
