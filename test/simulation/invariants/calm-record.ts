import type { ExecutionSummary, TaskRow } from '@outrider/control-plane/app/ports.ts';
import type { ExecutionEvent, RecordedEvent } from '@outrider/control-plane/domain/execution/events.ts';
import type { ExecutionPlan } from '@outrider/control-plane/domain/planning/plan.ts';
import { encodeLogLine } from '@outrider/shared/logs.ts';
import type { StepTask } from '@outrider/shared/steps/task.ts';
import type { FinalService, FinalWorld, HistoryRecord } from '../plant/record.ts';
import type { LeaseGrant, MutationEntry, ProducedLine, Script } from '../ports.ts';

/** A history made by hand in which nothing is wrong: one step, begun by one delegate, done, and told of. */

export const EXECUTION = 'exe_00000000000000000000000001';
export const TASK = `${EXECUTION}/p1.1/1`;
export const SERVICE = 'service/example/app__2';
const ARN = 'arn:aws:ecs:eu-west-1:123456789012:task-definition/app:2';

export function calmRecord(): HistoryRecord {
  const events = calmEvents();
  return {
    script: SCRIPT,
    trace: [],
    traceDigest: '',
    endedAtMs: 60_000,
    mutations: [mutation({}), mutation({ action: 'UpdateService', logical: 'UpdateService 2', atMs: 9_000 })],
    produced: [line('Begin'), line('Working'), line('End')],
    storedLogs: [storedLog(['Begin', 'Working', 'End'])],
    holders: [{ taskId: TASK, epoch: 1, host: 'amber', instanceId: 'amber-1', fromMs: 2_000, untilMs: 22_000 }],
    answers: [{ request: RUN, executionId: EXECUTION, atMs: 1_000 }],
    watched: events.map(({ seq, event }) => ({ watcher: 'w', executionId: EXECUTION, seq, type: event.type })),
    store: {
      executions: [
        {
          id: EXECUTION,
          requestKey: 'run-1',
          events,
          summary: SUMMARY,
          verdict: { kind: 'ok', events: events.length },
        },
      ],
      tasks: [TASK_ROW],
      pendingEffects: 0,
    },
    rolledBack: [],
    world: { ...NOTHING, services: [service('app__2', 2), service('app__1', 0)] },
    worldBefore: { ...NOTHING, services: [service('app__1', 2)] },
    failures: [],
    leaks: [],
    unended: [],
    acknowledgements: [
      { taskId: TASK, epoch: 1, atMs: 2_000, kind: 'lease' },
      { taskId: TASK, epoch: 1, atMs: 3_000, kind: 'checkpoint', sequence: 1, facts: { total: 2 } },
      { taskId: TASK, epoch: 1, atMs: 9_500, kind: 'log', durableOffset: 100 },
      { taskId: TASK, epoch: 1, atMs: 10_000, kind: 'result', status: 'committed', outcome: 'succeeded' },
    ],
    grants: [
      grant('offered', 1_500),
      grant('accepted', 2_000),
      grant('checkpointed', 3_000),
      grant('renewed', 8_000),
      grant('logged', 9_500, { durableOffset: 100 }),
      grant('ended', 10_000),
    ],
    checkpoints: [{ taskId: TASK, epoch: 1, host: 'amber', atMs: 2_500, facts: { total: 2 } }],
    committed: [
      { atMs: 1_000, executionId: EXECUTION, events: events.slice(0, 2) },
      { atMs: 2_000, executionId: EXECUTION, events: events.slice(2, 3) },
      { atMs: 3_000, executionId: EXECUTION, events: events.slice(3, 4) },
      { atMs: 10_000, executionId: EXECUTION, events: events.slice(4) },
    ],
    errors: [],
    faultsInEffect: [0],
    steps: 400,
  };
}

export function grant(kind: LeaseGrant['kind'], atMs: number, changes: Partial<LeaseGrant> = {}): LeaseGrant {
  return { taskId: TASK, epoch: 1, atMs, kind, instanceId: 'amber-1', ...changes };
}

export function mutation(changes: Partial<MutationEntry>): MutationEntry {
  const atMs = changes.atMs ?? 5_000;
  return {
    taskId: TASK,
    epoch: 1,
    atMs,
    host: 'amber',
    action: 'CreateService',
    resource: SERVICE,
    logical: `CreateService ${SERVICE}`,
    changed: true,
    sentAtMs: atMs - 100,
    hostAlive: true,
    ...changes,
  };
}

export function line(text: string, changes: Partial<ProducedLine> = {}): ProducedLine {
  return { taskId: TASK, epoch: 1, atMs: 3_000, host: 'amber', text: encoded(text), inSpool: true, ...changes };
}

export function storedLog(texts: readonly string[]): { taskId: string; text: string; bytes: number } {
  const text = texts.map(encoded).join('');
  return { taskId: TASK, text, bytes: text.length };
}

function encoded(text: string): string {
  return encodeLogLine({ at: '2026-01-01T00:00:00.000Z', level: 'INFO', text });
}

export function service(name: string, desired: number, changes: Partial<FinalService> = {}): FinalService {
  return {
    cluster: 'example',
    name,
    status: 'ACTIVE',
    taskDefinition: ARN,
    desired,
    running: desired,
    targetGroups: [],
    tags: { 'outrider:family': 'app', 'outrider:execution': EXECUTION, 'outrider:step': name },
    ...changes,
  };
}

/** The events with another in the place of the one of its type, or added at the end. */
export function withEvent(record: HistoryRecord, event: ExecutionEvent, replace: boolean): HistoryRecord {
  const [execution] = record.store.executions;
  if (execution === undefined) return record;
  const changed = replace
    ? execution.events.map((each) => (each.event.type === event.type ? { ...each, event } : each))
    : [...execution.events, { seq: execution.events.length + 1, atMs: 11_000, event }];
  const stored = { ...execution, events: changed, verdict: { kind: 'ok', events: changed.length } as const };
  return {
    ...record,
    store: { ...record.store, executions: [stored] },
    committed: [{ atMs: 1_000, executionId: EXECUTION, events: changed }],
    watched: changed.map(({ seq, event: { type } }) => ({ watcher: 'w', executionId: EXECUTION, seq, type })),
  };
}

const STEP = { stepId: 'p1.1', attempt: 1 } as const;

function calmEvents(): RecordedEvent[] {
  const events: ExecutionEvent[] = [
    { type: 'execution-created', plan: PLAN, startedBy: 'operator', reason: '', artifacts: {}, variables: {} },
    { type: 'step-queued', ...STEP, task: STEP_TASK, notBeforeMs: 0 },
    { type: 'step-started', ...STEP, delegate: 'amber' },
    { type: 'step-checkpointed', ...STEP, facts: { total: 2 } },
    { type: 'step-succeeded', ...STEP, output: SETUP_OUTPUT },
    { type: 'execution-finished', status: 'succeeded', rollback: 'none', failure: null },
  ];
  return events.map((event, index) => ({ seq: index + 1, atMs: 1_000 * index, event }));
}

const SETUP_OUTPUT = {
  serviceName: 'app__2',
  clusterName: 'example',
  taskDefinitionArn: ARN,
  family: 'app',
  containerName: 'app',
  image: 'app:2',
  total: 2,
  resizeStrategy: 'resize-new-first',
  steadyStateTimeoutMinutes: 10,
  previous: [{ name: 'app__1', desired: 2 }],
  autoScaler: null,
  autoScalingSnapshots: [],
} as const;

const RUN = { kind: 'run', atMs: 500, key: 'run-1', workflow: 'replica-canary', image: 'app:2' } as const;

const SCRIPT: Script = {
  seed: 1,
  delegates: [{ name: 'amber', versions: { min: 1, max: 1 } }],
  controlPlaneVersions: { min: 1, max: 1 },
  requests: [RUN],
  faults: [{ kind: 'reset', atMs: 4_000, delegate: 0, stream: 'connection' }],
  calmFromMs: 5_000,
  limitMs: 600_000,
};

const PLAN: ExecutionPlan = {
  workflow: { name: 'Replica', application: 'app', version: 1 },
  type: 'CANARY',
  phases: [],
  rollbackPhases: [],
  failureStrategies: [],
  scope: { values: {} },
  notes: [],
};

const SUMMARY: ExecutionSummary = {
  id: EXECUTION,
  application: 'app',
  workflow: 'Replica',
  status: 'succeeded',
  rollback: 'none',
  currentPhase: null,
  startedAtMs: 0,
  endedAtMs: 5_000,
  startedBy: 'operator',
  reason: '',
  resourceKeys: [],
  failure: null,
  artifacts: {},
  variables: {},
};

const STEP_TASK: StepTask = {
  executionId: EXECUTION,
  stepId: 'p1.1',
  attempt: 1,
  type: 'ecs-service-setup',
  stepName: 'Setup',
  phaseName: 'Phase 1',
  workflow: 'Replica',
  rollback: false,
  with: {},
  target: { infrastructure: 'example', region: 'eu-west-1', cluster: 'example', launchType: 'EC2' },
  service: {
    application: 'app',
    name: 'app',
    environment: 'test',
    strategy: 'REPLICA',
    image: 'app:2',
    containerName: 'app',
    family: 'app',
    taskDefinition: {},
    serviceDefinition: {},
  },
  prior: { setup: null, undo: [], finalResize: false, allPhasesRolledBack: false },
};

const TASK_ROW: TaskRow = {
  taskId: TASK,
  executionId: EXECUTION,
  stepId: 'p1.1',
  attempt: 1,
  stepType: 'ecs-service-setup',
  selectors: [],
  repeatable: true,
  task: STEP_TASK,
  state: 'ended',
  epoch: 1,
  delegate: 'amber',
  instanceId: 'amber-1',
  offerUntilMs: null,
  leaseUntilMs: null,
  notBeforeMs: 0,
  queuedAtMs: 1_000,
  deliveries: 0,
  timeoutSeconds: 600,
  deadlineMs: 601_500,
  facts: { total: 2 },
  checkpointSequence: 1,
  cancel: null,
  logBytes: 0,
  resultSha256: null,
};

const NOTHING: FinalWorld = { services: [], taskDefinitions: [], weights: [], scaling: [] };
