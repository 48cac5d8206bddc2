import { createHash } from 'node:crypto';
import { LANES, type Lane } from './lanes.ts';
import type { EventRecord, ExecutionRecord, Observations, StepRecord } from './observations.ts';
import type { Intent } from './workload.ts';
import type { LaneWorld, ServiceView } from './world-view.ts';

/** As it is, but each part of it may be changed. */
export type Changeable<T> = T extends object ? { -readonly [Key in keyof T]: Changeable<T[Key]> } : T;

const [WEB, , , SCALED, FRONT] = LANES;

/**
 * What is seen of a small run in which nothing was wrong: a service deployed twice, the second time aborted; one with auto scaling;
 * and one in place. Small enough to spoil one thing at a time.
 */
export function sampleObservations(): Changeable<Observations> {
  if (WEB === undefined || SCALED === undefined || FRONT === undefined) throw new Error('the lanes have changed');
  const stories = [
    story(WEB, 1, 'deploy', 'succeeded', [], [{ revision: 1, desired: 2 }]),
    story(
      WEB,
      2,
      'abort',
      'aborted',
      [{ revision: 1, desired: 2 }],
      [
        { revision: 1, desired: 2 },
        { revision: 2, desired: 0 },
      ],
    ),
    story(SCALED, 1, 'deploy', 'succeeded', [], [{ revision: 1, desired: 2 }]),
    story(FRONT, 1, 'deploy', 'succeeded', [], [{ revision: 2, desired: 2 }]),
  ];
  const events = stories.flatMap(({ execution }) => chain(execution));
  const tasks = stories.flatMap(({ execution }) => execution.steps.map((step) => taskOf(execution, step)));
  const last = (lane: Lane) => stories.findLast(({ deployment }) => deployment.lane === lane)?.deployment.after;
  const seen: Observations = {
    deployments: stories.map(({ deployment }) => deployment),
    open: [],
    troubles: [],
    watched: stories.map(({ execution }) => ({
      executionId: execution.id,
      name: 'from the start',
      connections: 3,
      end: '{}',
      events: execution.events.map(({ seq, type, text }) => ({ id: seq, seq, type, text })),
    })),
    watchedByCommand: stories.map(({ execution }) => ({
      executionId: execution.id,
      exitCode: execution.status === 'aborted' ? 6 : 0,
      events: execution.events.map(({ text }) => text),
      said: '',
    })),
    followed: stories.map(({ execution }) => ({
      executionId: execution.id,
      step: 'p1.1',
      connections: 2,
      ended: true,
      lines: followedLines(execution.steps[0]?.lines ?? []),
    })),
    executions: stories.map(({ execution }) => execution),
    store: {
      heads: stories.map(({ execution }) => {
        const own = events.filter((event) => event.executionId === execution.id);
        return { id: execution.id, seq: own.length, hash: own.at(-1)?.hash ?? '' };
      }),
      events,
      tasks,
      effectsLeft: 0,
    },
    produced: tasks.flatMap(({ taskId, log }) => {
      const lines = log.split('\n').filter((line) => line !== '');
      const texts = lines.map((line): string => (JSON.parse(line) as { text: string }).text);
      const outcome = texts.at(-1)?.startsWith('Stopped') === true ? 'stopped' : 'succeeded';
      // The first run was killed after two lines; the second one went through.
      return [
        { taskId, atMs: 1, lines: [...texts.slice(0, 2), 'never sent'], outcome: undefined },
        { taskId, atMs: 2, lines: texts.slice(2), outcome },
      ];
    }),
    world: {
      settled: Object.fromEntries(
        [WEB, SCALED, FRONT].map((lane) => [lane.name, { atMs: 9_000, services: last(lane)?.services ?? [] }]),
      ),
      revisions: stories.flatMap(({ made }) =>
        made.map(({ step, execution }, index) => ({ arn: `arn:${execution}:${index}`, step, execution })),
      ),
      mutations: [],
      created: stories.flatMap(({ made }) => made),
    },
    processes: [{ name: 'delegate-a', lives: 4, peakMiB: 150, memoryLimitMiB: 260, unasked: [], alarming: [] }],
    secrets: [],
    misdeeds: [],
  };
  return structuredClone(seen) as Changeable<Observations>;
}

function followedLines(lines: StepRecord['lines']): readonly string[] {
  return lines.map((line) => `${line.attempt}.${line.seq} ${line.text}`);
}

interface Serving {
  readonly revision: number;
  readonly desired: number;
}

function story(
  lane: Lane,
  number: number,
  intent: Intent,
  status: 'succeeded' | 'aborted',
  before: readonly Serving[],
  after: readonly Serving[],
) {
  const id = `exe_${lane.name}${number}`;
  const aborted = status === 'aborted';
  const types = lane.kind === 'rolling' ? ['ecs-rolling-deploy'] : ['ecs-service-setup', 'ecs-upgrade-containers'];
  const steps = types.map((type, index) => stepOf(index, type, aborted && index === 1));
  const execution: ExecutionRecord = {
    id,
    status,
    rollback: aborted ? 'succeeded' : 'none',
    reason: `${lane.name}-${number}`,
    failureCode: aborted ? 'aborted' : '',
    failureMessage: '',
    steps,
    events: eventsOf(steps, status),
  };
  const view = (serving: readonly Serving[], atMs: number): LaneWorld => ({
    atMs,
    services: serving.map((one) => serviceOf(lane, one)),
  });
  const newest = after.at(-1);
  const made = {
    name: newest === undefined ? '' : nameOf(lane, newest),
    createdAt: number,
    execution: id,
    step: 'p1.1',
  };
  return {
    execution,
    made: [made],
    deployment: {
      lane,
      intent,
      image: `:v${number}`,
      request: { key: `${lane.name}-${number}`, executionId: id, sent: 2, by: 'api' as const },
      intervention: aborted ? { kind: 'abort' as const, sent: 2, status: 200 } : undefined,
      ended: status,
      before: view(before, number * 1_000),
      after: view(after, number * 1_000 + 500),
    },
  };
}

function nameOf(lane: Lane, { revision }: Serving): string {
  return lane.kind === 'rolling' ? lane.stem : `${lane.stem}__${revision}`;
}

function serviceOf(lane: Lane, one: Serving): ServiceView {
  const { scaling } = lane;
  const taskDefinition = `arn:${lane.stem}:${one.revision}`;
  return {
    name: nameOf(lane, one),
    desired: one.desired,
    taskDefinition,
    execution: `exe_${lane.name}${lane.kind === 'rolling' ? 1 : one.revision}`,
    step: 'p1.1',
    createdAt: one.revision,
    scaling:
      scaling === undefined
        ? undefined
        : { min: scaling.min, max: scaling.max, suspended: false, policies: [scaling.policy] },
    running: one.desired > 0 ? { [taskDefinition]: one.desired } : {},
    moving: 0,
    markedSuspended: false,
  };
}

function stepOf(index: number, type: string, aborted: boolean): StepRecord {
  const last = aborted
    ? { level: 'WARN', text: 'Stopped: the execution was aborted. This step changes nothing more.' }
    : { level: 'INFO', text: 'Command execution finished with status SUCCESS' };
  const lines = [
    { level: 'INFO', text: 'Begin execution of command: Resize' },
    { level: 'INFO', text: 'Waiting' },
    { level: 'INFO', text: 'Resuming command: Resize' },
    { level: 'INFO', text: 'Waiting' },
    last,
  ];
  return {
    id: `p1.${index + 1}`,
    type,
    status: aborted ? 'aborted' : 'succeeded',
    attempt: 1,
    failure: '',
    lines: lines.map((line, place) => ({ ...line, attempt: 1, seq: place + 1 })),
  };
}

function eventsOf(steps: readonly StepRecord[], status: string): readonly EventRecord[] {
  const drafts = [
    { type: 'execution-created', stepId: '', attempt: 0 },
    ...steps.flatMap(({ id: stepId, status: ended, attempt }) =>
      ['step-queued', 'step-started', `step-${ended}`].map((type) => ({ type, stepId, attempt })),
    ),
    ...(status === 'aborted' ? [{ type: 'abort-requested', stepId: '', attempt: 0 }] : []),
    { type: 'execution-finished', stepId: '', attempt: 0 },
  ];
  const rollback = status === 'aborted' ? 'succeeded' : 'none';
  return drafts.map((draft, index) => ({
    ...draft,
    seq: index + 1,
    text: JSON.stringify({ seq: index + 1, type: draft.type, status, rollback }),
  }));
}

function chain({ id, events }: ExecutionRecord): Observations['store']['events'] {
  const digest = (text: string) => createHash('sha256').update(text).digest('hex');
  let previousHash = digest(`{"executionId":${JSON.stringify(id)}}`);
  return events.map(({ seq, type }) => {
    const event = JSON.stringify({ type });
    const hash = digest(`{"atMs":${seq},"event":${event},"previousHash":"${previousHash}","seq":${seq}}`);
    const link = { executionId: id, seq, atMs: seq, event, previousHash, hash };
    previousHash = hash;
    return link;
  });
}

function taskOf({ id }: ExecutionRecord, step: StepRecord): Observations['store']['tasks'][number] {
  const lines = step.lines.map(({ level, text }) => `${JSON.stringify({ at: '', level, text })}\n`);
  const log = lines.join('');
  const half = Buffer.byteLength(lines.slice(0, 2).join(''));
  const logBytes = Buffer.byteLength(log);
  return {
    taskId: `${id}/${step.id}/1`,
    state: 'ended',
    epoch: 2,
    logBytes,
    chunks: [
      { offset: 0, length: half },
      { offset: half, length: logBytes - half },
    ],
    log,
  };
}
