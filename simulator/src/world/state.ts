import type {
  PutScalingPolicyRequest,
  ScalableTarget,
  ScalingActivity,
  ScalingPolicy,
  ScheduledAction,
} from '@aws-sdk/client-application-auto-scaling';
import type {
  Container,
  CreateServiceRequest,
  NetworkConfiguration,
  RunTaskRequest,
  ServiceDeployment,
  ServiceEvent,
  Tag,
  Task,
  TaskDefinition,
} from '@aws-sdk/client-ecs';
import type {
  Listener,
  LoadBalancer,
  Tag as LoadBalancingTag,
  Rule,
  TargetGroup,
  TargetHealthReasonEnum,
  TargetHealthStateEnum,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import type { AgendaEntry } from './agenda.ts';
import type { RandomState } from './random.ts';
import type { Wire } from './wire-types.ts';

/** The whole simulated world: plain JSON, all times in epoch milliseconds of simulated time. */
export interface WorldState {
  readonly version: 1;
  readonly region: string;
  readonly accountId: string;
  now: number;
  sequence: number;
  nextAddress: number;
  readonly random: RandomState;
  readonly agenda: AgendaEntry[];
  readonly clusters: Record<string, ClusterState>;
  readonly instances: Record<string, InstanceState>;
  readonly taskDefinitions: Record<string, TaskDefinitionState>;
  /** Highest revision ever given per family: revisions are never used twice. */
  readonly families: Record<string, number>;
  readonly services: Record<string, ServiceState>;
  readonly tasks: Record<string, TaskState>;
  readonly runTaskTokens: Record<string, { readonly parameters: string; readonly taskArns: readonly string[] }>;
  readonly loadBalancers: Record<string, LoadBalancerState>;
  readonly targetGroups: Record<string, TargetGroupState>;
  readonly listeners: Record<string, ListenerState>;
  readonly rules: Record<string, RuleState>;
  readonly scalableTargets: Record<string, Wire<ScalableTarget>>;
  readonly scalingPolicies: Record<string, Wire<ScalingPolicy>>;
  readonly scheduledActions: Record<string, Wire<ScheduledAction>>;
  /** Newest first, at most 500. */
  readonly scalingActivities: Wire<ScalingActivity>[];
  /** Access key id → ARN of the role session it belongs to. */
  readonly sessions: Record<string, string>;
}

export interface ClusterState {
  readonly arn: string;
  readonly name: string;
  status: 'ACTIVE' | 'INACTIVE';
  readonly settings: { readonly name: 'containerInsights'; readonly value: string }[];
  readonly capacityProviders: string[];
  readonly defaultCapacityProviderStrategy: { capacityProvider: string; weight?: number; base?: number }[];
  tags: Wire<Tag>[];
}

export interface InstanceState {
  readonly arn: string;
  readonly id: string;
  readonly clusterArn: string;
  readonly ec2InstanceId: string;
  readonly instanceType: string;
  readonly privateAddress: string;
  readonly zone: string;
  readonly cpu: number;
  readonly memoryMiB: number;
  readonly registeredAt: number;
  status: 'ACTIVE' | 'DRAINING';
  agentConnected: boolean;
  tags: Wire<Tag>[];
}

export interface TaskDefinitionState {
  readonly definition: Wire<TaskDefinition>;
  tags: Wire<Tag>[];
}

/** The parameters of a service as they were asked for, with AWS's defaults filled in. */
export type ServiceSettings = Omit<
  Wire<CreateServiceRequest>,
  'cluster' | 'serviceName' | 'taskDefinition' | 'desiredCount' | 'clientToken' | 'tags'
>;

export interface ServiceState {
  readonly arn: string;
  readonly name: string;
  readonly clusterArn: string;
  readonly createdAt: number;
  readonly clientToken?: string;
  /** Canonical text of the creating request, for replays of its client token. */
  readonly creation: string;
  status: 'ACTIVE' | 'DRAINING' | 'INACTIVE';
  settings: ServiceSettings;
  taskDefinition: string;
  desiredCount: number;
  tags: Wire<Tag>[];
  /** Newest first; the first one is the PRIMARY deployment. */
  deployments: DeploymentState[];
  /** Task definition of the newest deployment that was completed; empty before the first one. */
  completedTaskDefinition: string;
  /** Newest first, at most 100. */
  events: Wire<ServiceEvent>[];
  /** Newest first, at most 50. */
  history: Wire<ServiceDeployment>[];
  /** True once the current situation was announced as steady; any start or stop makes it false. */
  steady: boolean;
  steadyAt: number;
  /** Last placement failure that was announced, so that it is not repeated until something changes. */
  announcedProblem: string;
  /** Tasks in a row that stopped before they ran. */
  failureStreak: number;
  nextStartAt: number;
  inactiveAt: number;
  /** Only the newest scheduled reconciliation acts. */
  reconcileToken: number;
  reconcileAt: number;
}

export interface DeploymentState {
  readonly id: string;
  readonly taskDefinition: string;
  readonly createdAt: number;
  readonly isRollback: boolean;
  readonly networkConfiguration?: Wire<NetworkConfiguration>;
  readonly serviceRevision: string;
  status: 'PRIMARY' | 'ACTIVE';
  updatedAt: number;
  failedTasks: number;
  rolloutState: 'IN_PROGRESS' | 'COMPLETED' | 'FAILED';
  rolloutStateReason: string;
}

export interface TaskState {
  readonly task: Wire<Task> & {
    taskArn: string;
    clusterArn: string;
    taskDefinitionArn: string;
    lastStatus: string;
    desiredStatus: string;
    containers: Wire<Container>[];
    createdAt: number;
    version: number;
  };
  readonly id: string;
  readonly serviceArn?: string;
  readonly deploymentId?: string;
  readonly overrides?: Wire<RunTaskRequest>['overrides'];
  readonly cpu: number;
  readonly memoryMiB: number;
  readonly hostPorts: readonly number[];
  readonly privateAddress?: string;
  /** The container instance's address (EC2) under which host ports answer. */
  readonly targets: TaskTarget[];
  /** Containers ever ran. */
  ranAt: number;
  /** What its main container writes before it ends badly; left out: something in general. */
  output?: readonly string[];
  /** Only the newest scheduled step acts. */
  stepToken: number;
}

export interface TaskTarget {
  readonly targetGroupArn: string;
  readonly id: string;
  readonly port: number;
  readonly containerPort: number;
}

export interface LoadBalancerState {
  readonly balancer: Wire<LoadBalancer> & { LoadBalancerArn: string; LoadBalancerName: string };
  readonly tags: Wire<LoadBalancingTag>[];
}

export interface TargetGroupState {
  readonly group: Wire<TargetGroup> & { TargetGroupArn: string; TargetGroupName: string };
  readonly attributes: Record<string, string>;
  readonly targets: TargetState[];
  readonly tags: Wire<LoadBalancingTag>[];
}

export interface TargetState {
  readonly id: string;
  readonly port: number;
  readonly zone: string;
  readonly registeredAt: number;
  /** ARN of the ECS task behind the target; empty for one that a client registered. */
  readonly taskArn: string;
  state: TargetHealthStateEnum;
  reason?: TargetHealthReasonEnum;
  description?: string;
  failedProbes: number;
  /** Only the health check of this instant counts: a target that was registered again has one chain of checks, not two. */
  nextProbeAt: number;
}

export interface ListenerState {
  readonly listener: Wire<Listener> & { ListenerArn: string; LoadBalancerArn: string };
  readonly tags: Wire<LoadBalancingTag>[];
}

export interface RuleState {
  readonly rule: Wire<Rule> & { RuleArn: string; Priority: string };
  readonly listenerArn: string;
  readonly tags: Wire<LoadBalancingTag>[];
}

export type PolicyParameters = Wire<PutScalingPolicyRequest>;

/** An empty world. */
export function emptyState(options: {
  region: string;
  accountId: string;
  startTime: number;
  seed: number;
}): WorldState {
  return {
    version: 1,
    region: options.region,
    accountId: options.accountId,
    now: options.startTime,
    sequence: 0,
    nextAddress: 0,
    random: { value: options.seed | 0 },
    agenda: [],
    clusters: {},
    instances: {},
    taskDefinitions: {},
    families: {},
    services: {},
    tasks: {},
    runTaskTokens: {},
    loadBalancers: {},
    targetGroups: {},
    listeners: {},
    rules: {},
    scalableTargets: {},
    scalingPolicies: {},
    scheduledActions: {},
    scalingActivities: [],
    sessions: {},
  };
}

/** Moves the present and everything that is yet to come by the same time: nothing happens meanwhile. */
export function shiftAgenda(state: WorldState, milliseconds: number): void {
  state.now += milliseconds;
  for (const entry of state.agenda) entry.at += milliseconds;
  for (const { targets } of Object.values(state.targetGroups))
    for (const target of targets) target.nextProbeAt += milliseconds;
  for (const service of Object.values(state.services)) {
    if (service.reconcileAt > 0) service.reconcileAt += milliseconds;
    if (service.nextStartAt > 0) service.nextStartAt += milliseconds;
  }
}
