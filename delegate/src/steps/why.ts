import { ERRORS, type ErrorCode } from '@outrider/shared/errors.ts';
import type { EcsTask } from '../aws/ports.ts';

/** Why tasks do not run, in a word of ours and with what to do. Everything is read from what AWS says. */
export interface Verdict {
  readonly code: ErrorCode;
  readonly advice: string;
  /** Waiting longer does not help once it has happened several times. */
  readonly hopeless: boolean;
}

/** A task that stopped although it was meant to run. */
export interface BadStop extends Verdict {
  readonly taskArn: string;
  /** What counts as "the same reason": AWS's text without ids. */
  readonly key: string;
  /** One line for the log and the failure. */
  readonly evidence: string;
}

interface Pattern {
  readonly text: RegExp;
  readonly code: ErrorCode;
  readonly advice?: string;
  readonly passes?: true;
}

/** First match counts; causes stand before their consequences. */
const STOPS: readonly Pattern[] = [
  {
    text: /CannotPullContainer|CannotPullImage|pull access denied|manifest unknown|toomanyrequests/i,
    code: 'image-pull-failed',
  },
  { text: /OutOfMemory/i, code: 'out-of-memory' },
  {
    text: /ResourceInitializationError.*(secret|registry auth|parameter|ssm|asm|environment file|env file)/is,
    code: 'secret-unavailable',
  },
  {
    text: /ResourceInitializationError.*(logging driver|log group|log stream)/is,
    code: 'deployment-failed',
    advice: 'Create the log group named, or allow the execution role to create it.',
  },
  {
    text: /ResourceInitializationError/i,
    code: 'deployment-failed',
    advice: 'Check volumes, execution role and the VPC endpoints of the subnets.',
  },
  { text: /network interface|RESOURCE:ENI/i, code: 'network-interface-failed' },
  {
    text: /unable to assume the role|not authorized to perform|AccessDenied/i,
    code: 'aws-access-denied',
    advice: "Check the trust policy and the rights of the task's roles.",
  },
  { text: /failed (ELB|container|service discovery)? ?health checks/i, code: 'health-check-failed' },
  {
    text: /Capacity is unavailable|Spot Task was interrupted|Spot interruption/i,
    code: 'capacity-unavailable',
    passes: true,
  },
  {
    text: /Host EC2 .*(terminated|stopped)|Container instance deregistration/i,
    code: 'capacity-unavailable',
    passes: true,
  },
  {
    text: /RESOURCE:|AGENT|ATTRIBUTE|MemberOf|NO ACTIVE INSTANCES|EMPTY CAPACITY PROVIDER/,
    code: 'placement-failed',
    passes: true,
  },
  {
    text: /CannotStartContainer|CannotCreateContainer|ContainerRuntime|CannotCreateVolume|CannotInspect|InternalError/i,
    code: 'container-exited',
    advice: 'Check command, entry point, user and volumes of the container.',
  },
  { text: /Essential container in task exited/i, code: 'container-exited' },
];

const EVENTS: readonly Pattern[] = [
  {
    text: /unable to consistently start tasks successfully/i,
    code: 'deployment-failed',
    advice: 'See why its tasks stop.',
  },
  { text: /deployment failed|could not launch \d+ tasks for deployment/i, code: 'deployment-failed' },
  { text: /Capacity is unavailable/i, code: 'capacity-unavailable', passes: true },
  {
    text: /reached the limit on the number of|is above your limit|provisioning capacity limit/i,
    code: 'quota-exceeded',
    passes: true,
  },
  {
    text: /unable to assume the role|trust relationship|IAM permissions policies/i,
    code: 'aws-access-denied',
    passes: true,
  },
  { text: /RESOURCE:ENI/, code: 'network-interface-failed', passes: true },
  {
    text: /is already using a port required by your task/i,
    code: 'placement-failed',
    advice: 'A fixed host port allows one task on each instance: use dynamic ports, awsvpc, or downsize-old-first.',
    passes: true,
  },
  {
    text: /because of the service deployment configuration/i,
    code: 'placement-failed',
    advice: 'maximumPercent and minimumHealthyPercent leave no room to replace a task.',
    passes: true,
  },
  {
    text: /unable to place (a task|tasks)|was unable to launch|Timed out waiting for Amazon ECS Agent/i,
    code: 'placement-failed',
    passes: true,
  },
  {
    text: /TARGET GROUP IS NOT FOUND/i,
    code: 'health-check-failed',
    advice: 'The target group is gone.',
    passes: true,
  },
  { text: /is unhealthy in|is not healthy in|failed .*health checks/i, code: 'health-check-failed', passes: true },
  { text: /operations are being throttled/i, code: 'aws-throttled', passes: true },
  {
    text: /protected tasks are more than the desired count/i,
    code: 'deployment-failed',
    advice: 'Tasks are protected from scale-in.',
    passes: true,
  },
];

/** Events that only tell how things go on. */
const ROUTINE =
  /has (started|stopped) \d+|(registered|deregistered) \d+ targets|has begun draining|has reached a steady state|deployment completed|updated .*count/i;

/** What a service event says about trouble; undefined: nothing. */
export function classifyEvent(message: string): Verdict | undefined {
  const pattern = EVENTS.find((candidate) => candidate.text.test(message));
  return pattern === undefined ? undefined : verdictOf(pattern);
}

export function isRoutineEvent(message: string): boolean {
  return ROUTINE.test(message) && classifyEvent(message) === undefined;
}

/** ECS itself has given the deployment up. */
export function saysTasksCannotStart(message: string): boolean {
  return /unable to consistently start tasks successfully/i.test(message);
}

/** Why a task stopped; undefined: it was meant to (scaled in, replaced, stopped by somebody). */
export function classifyStop(task: EcsTask): BadStop | undefined {
  // A task that is scaled in or replaced may end in any way: what its containers say then is no reason.
  if (/^Scaling activity initiated by/i.test(task.stoppedReason ?? '')) return undefined;
  const text = stopText(task);
  const reasons = [task.stoppedReason, ...task.containers.map((container) => container.reason)].join('\n');
  const pattern = STOPS.find((candidate) => candidate.text.test(reasons)) ?? fallbackOf(task);
  if (pattern === undefined) return undefined;
  return {
    ...verdictOf(pattern),
    taskArn: task.arn,
    key: `${pattern.code}: ${withoutIds(text)}`,
    evidence: `Task ${task.arn.slice(task.arn.lastIndexOf('/') + 1)} stopped: ${text}`,
  };
}

/** Stop reason, then each container that says something: its reason and exit code. */
export function stopText(task: EcsTask): string {
  const parts = [task.stoppedReason ?? task.stopCode ?? 'no reason given'];
  for (const container of task.containers) {
    const said: string[] = [];
    if (container.reason !== undefined && container.reason !== task.stoppedReason) said.push(container.reason);
    if (container.exitCode !== undefined) said.push(`exit code ${container.exitCode}${meaningOf(container.exitCode)}`);
    if (said.length > 0) parts.push(`container ${container.name}: ${said.join(', ')}`);
  }
  return parts.join('; ');
}

function fallbackOf(task: EcsTask): Pattern | undefined {
  if (task.stopCode === 'TaskFailedToStart') return { text: /^/, code: 'deployment-failed' };
  if (task.stopCode === 'EssentialContainerExited') return { text: /^/, code: 'container-exited' };
  if (
    task.stopCode === 'SpotInterruption' ||
    task.stopCode === 'TerminationNotice' ||
    task.stopCode === 'InfrastructureHealth'
  ) {
    return { text: /^/, code: 'capacity-unavailable', passes: true };
  }
  return undefined;
}

function verdictOf(pattern: Pattern): Verdict {
  return { code: pattern.code, advice: pattern.advice ?? ERRORS[pattern.code].hint, hopeless: pattern.passes !== true };
}

function meaningOf(exitCode: number): string {
  if (exitCode === 137) return ' (killed: out of memory, or it did not stop when asked)';
  if (exitCode === 139) return ' (segmentation fault)';
  if (exitCode === 143) return ' (terminated)';
  return '';
}

function withoutIds(text: string): string {
  return text
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi, 'ID')
    .replace(/\b(i-|eni-|ecs-svc\/)?[0-9a-f]{12,}\b/gi, 'ID')
    .replace(/\b[0-9]{1,3}(\.[0-9]{1,3}){3}(:[0-9]+)?\b/g, 'ADDRESS');
}
