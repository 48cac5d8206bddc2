import type { startSimulator } from '@outrider/simulator/start.ts';
import type { Lane } from './lanes.ts';

type Simulator = Awaited<ReturnType<typeof startSimulator>>;
type State = ReturnType<Simulator['control']['state']>;

/** What there is of a lane in AWS at one moment; ACTIVE services only. */
export interface LaneWorld {
  /** Simulated time, epoch milliseconds. */
  readonly atMs: number;
  readonly services: readonly ServiceView[];
}

export interface ServiceView {
  readonly name: string;
  readonly desired: number;
  readonly taskDefinition: string;
  /** Of the execution and the step that made it. */
  readonly execution: string;
  readonly step: string;
  readonly createdAt: number;
  readonly scaling: ScalingView | undefined;
  /** Tasks that run, by their task definition. */
  readonly running: Readonly<Record<string, number>>;
  /** Tasks that neither run nor have stopped. */
  readonly moving: number;
  readonly markedSuspended: boolean;
}

export interface ScalingView {
  readonly min: number;
  readonly max: number;
  readonly suspended: boolean;
  readonly policies: readonly string[];
}

/** A task definition with who registered it. */
export interface RevisionView {
  readonly arn: string;
  readonly execution: string;
  readonly step: string;
}

/** A call that changed something in AWS, in the order of their effects. */
export interface MutationView {
  readonly operation: string;
  /** Simulated time, epoch milliseconds. */
  readonly atMs: number;
  readonly input: string;
}

/** A service that was seen to exist at some time. */
export interface CreatedView {
  readonly name: string;
  readonly createdAt: number;
  readonly execution: string;
  readonly step: string;
}

const EXECUTION_TAG = 'outrider:execution';
const STEP_TAG = 'outrider:step';
const SUSPENSION_TAG = 'outrider:auto-scaling-before';

type Tags = readonly { readonly key?: string | undefined; readonly value?: string | undefined }[];
const tagOf = (tags: Tags, key: string): string => tags.find((tag) => tag.key === key)?.value ?? '';

export function laneWorld(aws: Simulator, lane: Lane): LaneWorld {
  const state = aws.control.state();
  const services = Object.values(state.services)
    .filter((service) => service.status === 'ACTIVE' && service.name.startsWith(lane.stem))
    .map((service): ServiceView => {
      const tasks = Object.values(state.tasks)
        .map(({ task }) => task)
        .filter((task) => task.group === `service:${service.name}` && task.clusterArn === service.clusterArn);
      const running: Record<string, number> = {};
      for (const task of tasks.filter((one) => one.lastStatus === 'RUNNING' && one.desiredStatus === 'RUNNING')) {
        running[task.taskDefinitionArn] = (running[task.taskDefinitionArn] ?? 0) + 1;
      }
      const all = Object.values(running).reduce((sum, count) => sum + count, 0);
      return {
        name: service.name,
        desired: service.desiredCount,
        taskDefinition: service.taskDefinition,
        execution: tagOf(service.tags, EXECUTION_TAG),
        step: tagOf(service.tags, STEP_TAG),
        createdAt: service.createdAt,
        scaling: scalingOf(state, lane.cluster, service.name),
        running,
        moving: tasks.filter((task) => task.lastStatus !== 'STOPPED').length - all,
        markedSuspended: tagOf(service.tags, SUSPENSION_TAG) !== '',
      };
    });
  return { atMs: state.now, services };
}

function scalingOf(state: State, cluster: string, service: string): ScalingView | undefined {
  const resource = `service/${cluster}/${service}`;
  const target = Object.values(state.scalableTargets).find((one) => one.ResourceId === resource);
  if (target === undefined) return undefined;
  return {
    min: target.MinCapacity ?? -1,
    max: target.MaxCapacity ?? -1,
    suspended: Object.values(target.SuspendedState ?? {}).some(Boolean),
    policies: Object.values(state.scalingPolicies)
      .filter((policy) => policy.ResourceId === resource)
      .map((policy) => policy.PolicyName ?? '')
      .toSorted(),
  };
}

export function revisions(aws: Simulator): readonly RevisionView[] {
  return Object.values(aws.control.state().taskDefinitions).map(({ definition, tags }) => ({
    arn: definition.taskDefinitionArn ?? '',
    execution: tagOf(tags, EXECUTION_TAG),
    step: tagOf(tags, STEP_TAG),
  }));
}

export interface WorldRecorder {
  mutations(): readonly MutationView[];
  created(): readonly CreatedView[];
  /** Looks a last time and looks no more. */
  stop(): void;
}

/** The simulator keeps the newest calls only: this keeps all that changed something, and every service that ever was. */
export function recordWorld(aws: Simulator): WorldRecorder {
  const mutations: MutationView[] = [];
  const created = new Map<string, CreatedView>();
  let last = 0;
  const look = () => {
    for (const { sequence, operation, at, input } of aws.control.mutations(last)) {
      last = Math.max(last, sequence);
      mutations.push({ operation, atMs: at, input });
    }
    for (const { name, arn, createdAt, tags } of Object.values(aws.control.state().services)) {
      const view = { name, createdAt, execution: tagOf(tags, EXECUTION_TAG), step: tagOf(tags, STEP_TAG) };
      created.set(`${arn} ${createdAt}`, view);
    }
  };
  const timer = setInterval(look, LOOK_EVERY_MS);
  return {
    mutations: () => mutations,
    created: () => [...created.values()],
    stop() {
      clearInterval(timer);
      look();
    },
  };
}

const LOOK_EVERY_MS = 100;
