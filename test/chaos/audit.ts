import { auditHistories } from './audit-histories.ts';
import { auditLogs } from './audit-logs.ts';
import { auditWorld } from './audit-world.ts';
import type { ExecutionRecord, Observations } from './observations.ts';
import type { Deployment } from './workload.ts';

/** Something that must never be, and was. */
export interface Violation {
  readonly rule: string;
  readonly what: string;
}

export type Tell = (rule: string, what: string) => void;

/** How a failure may come about where nothing is wrong with the image: by the harm that was done. */
const BY_HARM = new Set([
  'aws-unavailable',
  'aws-throttled',
  'delegate-lost',
  'no-eligible-delegate',
  'step-timed-out',
  'steady-state-timeout',
]);

/**
 * Holds everything that was seen of a run against what is promised. It knows nothing of the product's code: what it needs (the hash
 * chain, the tags, the lines that the control plane adds to logs) is written here a second time.
 */
export function audit(seen: Observations): readonly Violation[] {
  const violations: Violation[] = [];
  const tell: Tell = (rule, what) => violations.push({ rule, what });
  auditRequests(seen, tell);
  auditEndings(seen, tell);
  auditHistories(seen, tell);
  auditLogs(seen, tell);
  auditWorld(seen, tell);
  auditProcesses(seen, tell);
  return violations;
}

/** Acknowledged is there, and once, however often it was asked for. */
function auditRequests({ deployments, executions, open, troubles }: Observations, tell: Tell): void {
  for (const trouble of troubles) tell('every request is answered in the end', trouble);
  for (const key of open) tell('every execution ends', `${key} was not seen to end`);
  const known = new Map(executions.map((execution) => [execution.id, execution]));
  const byReason = new Map<string, string[]>();
  for (const { id, reason } of executions) byReason.set(reason, [...(byReason.get(reason) ?? []), id]);
  for (const { request } of deployments) {
    const execution = known.get(request.executionId);
    if (execution === undefined)
      tell('what was acknowledged is there', `${request.key}: ${request.executionId} is lost`);
    else if (execution.reason !== request.key) {
      tell('a key stands for one request', `${request.key} was answered with ${execution.id} of ${execution.reason}`);
    }
  }
  for (const [reason, ids] of byReason) {
    if (ids.length > 1) tell('no request is done twice', `${reason} made ${ids.join(' and ')}`);
  }
  const asked = new Set([...deployments.map(({ request }) => request.key), ...open]);
  for (const { id, reason } of executions) {
    if (!asked.has(reason)) tell('nothing runs that nobody asked for', `${id} (${reason})`);
  }
}

/** The ending is one that the operator's wish and the harm explain. */
function auditEndings({ deployments, executions }: Observations, tell: Tell): void {
  const known = new Map(executions.map((execution) => [execution.id, execution]));
  for (const deployment of deployments) {
    const execution = known.get(deployment.request.executionId);
    if (execution === undefined || deployment.ended === undefined) continue;
    const name = `${execution.id} (${execution.reason}, ${deployment.intent})`;
    if (execution.status !== deployment.ended) {
      tell('an end is an end', `${name} was ${deployment.ended} and is ${execution.status} now`);
    }
    const why = unexplained(deployment, execution);
    if (why !== undefined) tell('every ending has its reason', `${name}: ${why}`);
    auditIntervention(deployment, execution, name, tell);
  }
}

/** Undefined: it may end like this. */
function unexplained({ intent, intervention }: Deployment, execution: ExecutionRecord): string | undefined {
  const { status, rollback, failureCode, failureMessage } = execution;
  const failed = `${status}, rollback ${rollback}: ${failureCode} ${failureMessage}`;
  const rollbackFailures = execution.steps
    .filter((step) => step.id.startsWith('r') && step.status === 'failed')
    .map((step) => step.failure);
  const strange = rollbackFailures.find((failure) => !BY_HARM.has(failure.split(':')[0] ?? ''));
  if (strange !== undefined) return `a rollback step failed: ${strange}`;
  if (rollback === 'failed' && rollbackFailures.length === 0) return 'no step says why the rollback failed';
  if (status === 'succeeded')
    return intent === 'bad-image' ? 'it succeeded with an image that nobody can pull' : undefined;
  if (failureCode === 'aborted') return intervention === undefined ? `nobody stopped it: ${failed}` : undefined;
  if (status !== 'failed') return `an unknown end: ${failed}`;
  if (intent === 'bad-image' && failureCode === 'image-pull-failed') return undefined;
  return BY_HARM.has(failureCode) ? undefined : failed;
}

function auditIntervention({ intervention }: Deployment, execution: ExecutionRecord, name: string, tell: Tell): void {
  const aborts = execution.events.filter((event) => event.type === 'abort-requested').length;
  const rollbacks = execution.events.filter((event) => event.type === 'rollback-requested').length;
  if (aborts + rollbacks > 1) tell('no request is done twice', `${name} was stopped ${aborts + rollbacks} times`);
  if (intervention?.status === 200) {
    const wanted = intervention.kind === 'abort' ? 'aborted' : 'failed';
    const done = intervention.kind === 'abort' ? aborts : rollbacks;
    if (done !== 1 || execution.status !== wanted) {
      tell('what was acknowledged is done', `${name}: its ${intervention.kind} was, and it is ${execution.status}`);
    }
  }
  if (intervention === undefined && aborts + rollbacks > 0)
    tell('nothing runs that nobody asked for', `${name} was stopped`);
}

function auditProcesses({ processes, secrets, store }: Observations, tell: Tell): void {
  for (const { name, unasked, alarming, peakMiB, memoryLimitMiB } of processes) {
    for (const how of unasked) tell('no process ends by itself', `${name}: ${how}`);
    for (const line of alarming) tell('no log shows the inside', `${name}: ${line}`);
    if (peakMiB > memoryLimitMiB) tell('memory is bounded', `${name} had ${peakMiB} MiB of ${memoryLimitMiB}`);
  }
  for (const { what, where } of secrets) tell('secrets stay where they belong', `${what} lies in ${where}`);
  if (store.effectsLeft > 0) tell('nothing is left half done', `${store.effectsLeft} effects wait`);
}
