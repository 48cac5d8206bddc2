import type { JsonObject } from '@outrider/shared/json.ts';

/**
 * What steps may ask of AWS, in our words. The adapters beside this file are the only code that sees the AWS SDK.
 *
 * Rules of every verb:
 * - It may take up to its timeout (15 s a call) and stops at the step's signal. Reads are tried again for about half a minute.
 * - Reads may be called at any time, also after the lease is lost: observing is always allowed.
 * - Mutations (marked) wait for the lease: when it cannot be shown to hold until the call's deadline they throw
 *   `StepStopped('lease-lost')` and send nothing. They go out once; after an unclear end (timeout, reset, 5xx) the caller
 *   looks and calls again. "Already so" and "already gone" are success.
 * - A throw is an OutriderError with an `aws-…` code, AWS's own message and the name of the operation, or StepStopped.
 * - Lists are complete: paging and batching are done here.
 */
export interface Aws {
  readonly ecs: Ecs;
  readonly autoScaling: AutoScaling;
  readonly loadBalancing: LoadBalancing;
  readonly instances: Instances;
  readonly logs: ContainerLogs;
}

/** An ECS service as DescribeServices shows it. */
export interface EcsService {
  readonly arn: string;
  readonly name: string;
  readonly status: 'ACTIVE' | 'DRAINING' | 'INACTIVE';
  readonly desired: number;
  readonly running: number;
  readonly pending: number;
  readonly taskDefinitionArn: string;
  readonly launchType?: string;
  readonly schedulingStrategy: 'REPLICA' | 'DAEMON';
  readonly deployments: readonly EcsDeployment[];
  /** Newest first, at most 100. */
  readonly events: readonly EcsServiceEvent[];
  readonly loadBalancers: readonly EcsServiceLoadBalancer[];
  readonly tags: Readonly<Record<string, string>>;
  readonly healthCheckGracePeriodSeconds?: number;
  /** The answer of DescribeServices itself with dates as ISO text, for snapshots. */
  readonly raw: JsonObject;
}

export interface EcsDeployment {
  readonly id: string;
  readonly status: 'PRIMARY' | 'ACTIVE' | 'INACTIVE';
  readonly taskDefinitionArn: string;
  readonly desired: number;
  readonly running: number;
  readonly pending: number;
  readonly failedTasks: number;
  readonly rolloutState?: 'COMPLETED' | 'FAILED' | 'IN_PROGRESS';
  readonly rolloutStateReason?: string;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

export interface EcsServiceEvent {
  readonly id: string;
  readonly createdAtMs: number;
  readonly message: string;
}

export interface EcsServiceLoadBalancer {
  readonly targetGroupArn: string;
  readonly containerName: string;
  readonly containerPort: number;
}

export interface EcsTask {
  readonly arn: string;
  readonly taskDefinitionArn: string;
  readonly lastStatus: string;
  readonly desiredStatus: string;
  readonly healthStatus?: string;
  readonly launchType?: string;
  readonly containerInstanceArn?: string;
  /** The deployment that started it (`ecs-svc/…`). */
  readonly startedBy?: string;
  readonly createdAtMs?: number;
  readonly stoppedAtMs?: number;
  readonly stopCode?: string;
  readonly stoppedReason?: string;
  readonly containers: readonly EcsContainer[];
  /** Private address of the task's network interface (awsvpc, Fargate). */
  readonly privateIp?: string;
}

export interface EcsContainer {
  readonly name: string;
  readonly lastStatus: string;
  readonly healthStatus?: string;
  readonly runtimeId?: string;
  readonly exitCode?: number;
  readonly reason?: string;
  readonly image?: string;
  readonly imageDigest?: string;
  readonly hostPorts: readonly { readonly containerPort: number; readonly hostPort: number }[];
}

export interface StartedTasks {
  readonly tasks: readonly EcsTask[];
  readonly failures: readonly { readonly arn: string; readonly reason: string; readonly detail: string }[];
}

export interface TaskDefinition {
  readonly arn: string;
  readonly family: string;
  readonly revision: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly raw: JsonObject;
}

export interface ContainerInstance {
  readonly ec2InstanceId: string;
  /** What it has in all, whether or not it is in use; undefined: ECS does not say. */
  readonly cpu: number | undefined;
  readonly memoryMiB: number | undefined;
}

export interface Ecs {
  /** Services by name or ARN; those that do not exist are left out. */
  describeServices(cluster: string, services: readonly string[]): Promise<readonly EcsService[]>;
  /** One service, or undefined when it does not exist (MISSING). DRAINING and INACTIVE ones are shown. */
  describeService(cluster: string, service: string): Promise<EcsService | undefined>;
  /** Names of all ACTIVE services of the cluster. */
  listServices(cluster: string): Promise<readonly string[]>;
  listTasks(cluster: string, service: string, desiredStatus: 'RUNNING' | 'STOPPED'): Promise<readonly string[]>;
  /** Tasks of a family, whoever started them. */
  listFamilyTasks(cluster: string, family: string, desiredStatus: 'RUNNING' | 'STOPPED'): Promise<readonly string[]>;
  describeTasks(cluster: string, tasks: readonly string[]): Promise<readonly EcsTask[]>;
  /** Revisions of a family that carry this tag value, newest first; looks at the newest `limit` (≤ 20) revisions. */
  findTaskDefinitions(
    family: string,
    tag: { readonly key: string; readonly value: string },
    limit: number,
  ): Promise<readonly TaskDefinition[]>;
  describeTaskDefinition(taskDefinition: string): Promise<TaskDefinition | undefined>;
  /** By container instance ARN. */
  describeContainerInstances(
    cluster: string,
    containerInstances: readonly string[],
  ): Promise<ReadonlyMap<string, ContainerInstance>>;
  /** ARNs of the cluster's ACTIVE container instances. */
  listContainerInstances(cluster: string): Promise<readonly string[]>;

  /** Mutation. Not repeatable by itself: each call makes a revision. Look for your tag before and after. */
  registerTaskDefinition(request: JsonObject, tags: Readonly<Record<string, string>>): Promise<TaskDefinition>;
  /** Mutation, repeatable with the same token. `request` is AWS's CreateService shape without cluster, token and tags. */
  createService(
    cluster: string,
    request: JsonObject,
    token: string,
    tags: Readonly<Record<string, string>>,
  ): Promise<EcsService>;
  /** Mutation, repeatable. `change` is AWS's UpdateService shape without cluster and service. */
  updateService(cluster: string, service: string, change: JsonObject): Promise<EcsService>;
  /**
   * Mutation, repeatable with the same token: AWS then answers with the tasks of the first call. `request` is AWS's RunTask
   * shape without cluster, token and tags. Tasks for which there was no room are failures, beside those that were started.
   */
  runTask(
    cluster: string,
    request: JsonObject,
    token: string,
    tags: Readonly<Record<string, string>>,
  ): Promise<StartedTasks>;
  /**
   * Mutation, repeatable; allowed also when the step is to stop, as long as the lease lasts, and tried once then. Answers
   * false when the task had stopped, or is not shown any more.
   */
  stopTask(cluster: string, task: string, reason: string): Promise<boolean>;
  /** Mutation, repeatable: a service that is gone or draining already counts as deleted. */
  deleteService(cluster: string, service: string, options: { readonly force: boolean }): Promise<void>;
  /** Mutation, repeatable: sets these tags and leaves the others. */
  tagService(serviceArn: string, tags: Readonly<Record<string, string>>): Promise<void>;
  /** Mutation, repeatable: absent tags count as removed. */
  untagService(serviceArn: string, keys: readonly string[]): Promise<void>;
}

/** All for the dimension `ecs:service:DesiredCount`. */
export interface AutoScaling {
  /** Scalable targets of these services, with their policies and scheduled actions, in AWS's API shapes. */
  describe(cluster: string, services: readonly string[]): Promise<readonly ServiceAutoScaling[]>;
  /** Mutation, repeatable. */
  registerScalableTarget(cluster: string, service: string, target: JsonObject): Promise<void>;
  /** Mutation, repeatable: an absent target counts as deregistered. Deletes policies and scheduled actions too. */
  deregisterScalableTarget(cluster: string, service: string): Promise<void>;
  /** Mutation, repeatable by policy name. */
  putScalingPolicy(cluster: string, service: string, policy: JsonObject): Promise<void>;
  /** Mutation, repeatable: an absent policy counts as deleted. */
  deleteScalingPolicy(cluster: string, service: string, policyName: string): Promise<void>;
  /** Mutation, repeatable by action name. */
  putScheduledAction(cluster: string, service: string, action: JsonObject): Promise<void>;
}

export interface ServiceAutoScaling {
  readonly service: string;
  /** `service/CLUSTER/SERVICE`. */
  readonly resourceId: string;
  readonly scalableTarget: JsonObject;
  readonly scalingPolicies: readonly JsonObject[];
  readonly scheduledActions: readonly JsonObject[];
}

export interface LoadBalancing {
  describeTargetGroup(targetGroupArn: string): Promise<TargetGroup | undefined>;
  describeTargetHealth(targetGroupArn: string): Promise<readonly TargetHealth[]>;
}

export interface TargetGroup {
  readonly arn: string;
  readonly name: string;
  readonly port: number;
  readonly targetType: string;
  readonly loadBalancerArns: readonly string[];
}

export interface TargetHealth {
  /** Instance id or IP address. */
  readonly target: string;
  readonly port: number;
  readonly state: string;
  readonly reason?: string;
  readonly description?: string;
}

export interface Instances {
  /** Private addresses by EC2 instance id; ids that do not exist are left out. */
  privateAddresses(ec2InstanceIds: readonly string[]): Promise<ReadonlyMap<string, string>>;
}

/** CloudWatch Logs: what containers with the log driver `awslogs` wrote. */
export interface ContainerLogs {
  /** Streams of this region can be read. */
  readonly region: string;
  /**
   * The newest lines of a stream, oldest first, each at most 300 characters of plain text. Not tried again: whoever asks can
   * do without. Throws StepStopped alone.
   */
  tail(group: string, stream: string, lines: number): Promise<LogTail>;
}

export type LogTail =
  | { readonly kind: 'read'; readonly lines: readonly string[] }
  /** `hint` names the action to allow. */
  | { readonly kind: 'denied'; readonly hint: string }
  /** No such group, or no such stream (yet). */
  | { readonly kind: 'missing'; readonly why: string }
  | { readonly kind: 'unreadable'; readonly why: string };

/** The ECS agent's introspection endpoint on a container instance (EC2 only, best effort). */
export interface ContainerMetadata {
  /**
   * Docker ids by container name for one task. Two seconds at most; a host that did not answer is not asked again for
   * five minutes. Throws nothing: `unreachable` says why.
   */
  dockerIds(
    host: string,
    taskArn: string,
  ): Promise<
    | { readonly kind: 'found'; readonly url: string; readonly byContainer: ReadonlyMap<string, string> }
    | { readonly kind: 'unreachable'; readonly url: string; readonly why: string }
  >;
  /** The address that is asked: `http://HOST:51678/v1/tasks`. */
  url(host: string): string;
}
