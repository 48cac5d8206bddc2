import { ERRORS, type ErrorCode } from '@outrider/shared/errors.ts';
import type { EcsTask } from '../aws/ports.ts';
import { EVENTS } from './why-events.ts';
import { STOPS } from './why-stops.ts';
import { TARGETS } from './why-targets.ts';

/** Why tasks do not run, in a word of ours and with what to do. Everything is read from what AWS says. */
export interface Verdict {
  readonly code: ErrorCode;
  /** Half a sentence that can follow a colon; empty: the message beside it says it all. */
  readonly cause: string;
  /** What to do; empty: nothing better than the code's own hint is known. */
  readonly advice: string;
  /** Waiting longer does not help once it has happened several times. */
  readonly hopeless: boolean;
  /** ECS starts no task while it lasts. */
  readonly noPlace: boolean;
}

/** A task that stopped although it was meant to run. */
export interface BadStop extends Verdict {
  readonly taskArn: string;
  /** What counts as "the same reason": AWS's text without ids. */
  readonly key: string;
  /** One line for the log and the failure. */
  readonly evidence: string;
  /** Its containers ran: they may have written why. */
  readonly ran: boolean;
  /** When it stopped, by AWS's clock; milliseconds since 1970. */
  readonly atMs: number;
}

export interface Pattern {
  readonly text: RegExp;
  readonly code: ErrorCode;
  readonly cause?: string;
  readonly advice?: string;
  readonly passes?: true;
  readonly noPlace?: true;
  readonly ran?: true;
}

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

/** What a target that is not healthy means, from the words of unhealthyTargets(). */
export function classifyTarget(problem: string): Verdict {
  const pattern = TARGETS.find((candidate) => candidate.text.test(problem));
  return verdictOf(pattern ?? { text: /^/, code: 'health-check-failed', passes: true });
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
    ran: pattern.ran === true,
    atMs: task.stoppedAtMs ?? 0,
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
  if (task.stopCode === 'TaskFailedToStart') return { text: /^/, code: 'task-start-failed' };
  if (task.stopCode === 'EssentialContainerExited') return { text: /^/, code: 'container-exited', ran: true };
  if (
    task.stopCode === 'SpotInterruption' ||
    task.stopCode === 'TerminationNotice' ||
    task.stopCode === 'InfrastructureHealth'
  ) {
    return { text: /^/, code: 'capacity-unavailable', passes: true };
  }
  return undefined;
}

/** A pattern with what its code says where it says nothing of its own. */
export function verdictOf(pattern: Pattern): Verdict {
  const { title, hint } = ERRORS[pattern.code];
  return {
    code: pattern.code,
    cause: pattern.cause ?? lowerFirst(title),
    advice: pattern.advice ?? hint,
    hopeless: pattern.passes !== true,
    noPlace: pattern.noPlace === true,
  };
}

/** `The image …` → `the image …`; `ECS …` and `AWS …` stay. */
function lowerFirst(title: string): string {
  return /^[A-Z]{2}/.test(title) ? title : `${title.charAt(0).toLowerCase()}${title.slice(1)}`;
}

function meaningOf(exitCode: number): string {
  if (exitCode === 137) return ' (killed: out of memory, or it did not stop when asked)';
  if (exitCode === 139) return ' (segmentation fault)';
  if (exitCode === 143) return ' (terminated)';
  if (exitCode === 126) return ' (the command is not executable)';
  if (exitCode === 127) return ' (the command was not found)';
  return '';
}

function withoutIds(text: string): string {
  return text
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi, 'ID')
    .replace(/\b(i-|eni-|ecs-svc\/)?[0-9a-f]{12,}\b/gi, 'ID')
    .replace(/\b[0-9]{1,3}(\.[0-9]{1,3}){3}(:[0-9]+)?\b/g, 'ADDRESS')
    .replace(/\b[0-9]{4,}\b/g, 'N');
}
