import { DEFAULT_NO_PLACE_SECONDS, DEFAULT_SAME_STOPS, type GiveUpAfter } from '@outrider/shared/steps/give-up.ts';
import type { EcsDeployment, EcsService } from '../aws/ports.ts';
import type { Stuck } from './patience.ts';
import type { BadStop, Verdict } from './why.ts';
import { saysTasksCannotStart } from './why.ts';

/** What is being waited for. */
export interface Expectation {
  /** What we asked for; undefined: ECS computes it (daemon services). */
  readonly desired: number | undefined;
  /** Undefined: whatever it is (a service that others deploy). */
  readonly taskDefinitionArn: string | undefined;
  /** The primary deployment that is being waited for; undefined: any. */
  readonly deploymentId: string | undefined;
  /** The primary deployment before the change: an answer that still shows it is merely old. */
  readonly deploymentIdBefore: string | undefined;
  /** Shrinking: the rest need not be healthy, and a version that was not healthy before does not hold us up. */
  readonly shrinking: boolean;
}

/** One look at the service and at what happened since the wait began. */
export interface View {
  /** Undefined: DescribeServices does not show it. */
  readonly service: EcsService | undefined;
  /** It was seen before, or enough time has passed for AWS to show it. */
  readonly mustExist: boolean;
  /** Looks in a row that showed another desired count, after ours had been seen once. */
  readonly strayed: number;
  readonly newEvents: readonly { readonly message: string }[];
  /** Tasks that stopped since the last look although they were meant to run. */
  readonly newStops: readonly BadStop[];
  /** All such tasks since the wait began. */
  readonly stops: readonly BadStop[];
  /** Targets that are not healthy, in words; empty without a load balancer. */
  readonly unhealthyTargets: readonly string[];
  /** What may pass by itself and has not so far. */
  readonly stuck: Stuck | undefined;
  /** The event in which ECS says that it rolls a deployment back, if there was one since the wait began. */
  readonly rolledBack: string | undefined;
  /** The step's own limits. */
  readonly giveUpAfter: GiveUpAfter | undefined;
}

export type Judgement =
  | { readonly kind: 'steady' }
  /** `missing` says what it still lacks. */
  | { readonly kind: 'waiting'; readonly missing: string }
  | { readonly kind: 'hopeless'; readonly verdict: Verdict; readonly message: string };

/** Whether as many tasks run as wanted: the first half of the wait. */
export function judgeRunning(view: View, wanted: Expectation): Judgement {
  const end = hopeless(view, wanted);
  if (end !== undefined) return end;
  const { service } = view;
  if (service === undefined) return { kind: 'waiting', missing: 'AWS does not show the service yet' };
  const desired = wanted.desired ?? service.desired;
  const enough = wanted.shrinking ? service.running <= desired : runningOf(service, wanted) >= desired;
  if (!enough || service.desired !== desired) return { kind: 'waiting', missing: countsOf(service, desired) };
  if (wanted.desired === undefined && desired === 0 && primaryOf(service)?.rolloutState === 'IN_PROGRESS') {
    return { kind: 'waiting', missing: 'ECS has not computed the number of tasks yet' };
  }
  return { kind: 'steady' };
}

/** Running tasks of the deployment that is waited for: those that it replaces do not count. */
export function runningOf(service: EcsService, wanted: Expectation): number {
  const primary = primaryOf(service);
  if (wanted.shrinking || primary === undefined) return service.running;
  const replaced = wanted.taskDefinitionArn !== undefined && primary.taskDefinitionArn !== wanted.taskDefinitionArn;
  return replaced ? 0 : primary.running;
}

/**
 * Whether the service is steady: all tasks of the one deployment run, nothing is pending, none stopped since the last
 * look, and every target is healthy. It must hold for two looks in a row (aws-facts §2.1).
 */
export function judgeSteady(view: View, wanted: Expectation): Judgement {
  const running = judgeRunning(view, wanted);
  if (running.kind !== 'steady') return running;
  const { service } = view;
  if (service === undefined) return { kind: 'waiting', missing: 'AWS does not show the service yet' };
  const desired = wanted.desired ?? service.desired;
  if (wanted.shrinking) {
    // A version whose tasks do not stay up has pending ones again and again: they must not hold its removal up.
    if (service.running + service.pending <= desired) return { kind: 'steady' };
    return { kind: 'waiting', missing: countsOf(service, desired) };
  }
  if (service.pending > 0 || service.running !== desired)
    return { kind: 'waiting', missing: countsOf(service, desired) };
  const rollout = rolloutMissing(service, wanted);
  if (rollout !== '') return { kind: 'waiting', missing: rollout };
  if (view.newStops.length > 0) return { kind: 'waiting', missing: 'a task has just stopped' };
  const [target] = view.unhealthyTargets;
  if (target !== undefined) {
    return { kind: 'waiting', missing: `${view.unhealthyTargets.length} target(s) not healthy: ${target}` };
  }
  return { kind: 'steady' };
}

function rolloutMissing(service: EcsService, wanted: Expectation): string {
  // Other controllers than ECS's own show no deployments.
  if (service.deployments.length === 0) return '';
  if (service.deployments.length > 1) {
    const old = service.deployments.filter((deployment) => deployment.status !== 'PRIMARY');
    const left = old.reduce((sum, deployment) => sum + deployment.running, 0);
    return `${left} task(s) of earlier deployments still run`;
  }
  const primary = primaryOf(service);
  if (primary === undefined) return 'no deployment is primary yet';
  if (wanted.taskDefinitionArn !== undefined && primary.taskDefinitionArn !== wanted.taskDefinitionArn) {
    return `the deployment of ${wanted.taskDefinitionArn} is not primary yet`;
  }
  return primary.rolloutState === 'IN_PROGRESS' ? 'the rollout is still in progress' : '';
}

export function primaryOf(service: EcsService): EcsDeployment | undefined {
  return service.deployments.find((deployment) => deployment.status === 'PRIMARY');
}

export function countsOf(service: EcsService, desired: number): string {
  const parts = [`${service.running}/${desired} running`, `${service.pending} pending`];
  if (service.desired !== desired) parts.push(`AWS shows a desired count of ${service.desired}`);
  return parts.join(', ');
}

/** Reasons not to wait any longer. */
function hopeless(view: View, wanted: Expectation): Judgement | undefined {
  const { service } = view;
  if (service === undefined) {
    return view.mustExist ? lost('service-missing', 'The service does not exist, or no longer') : undefined;
  }
  if (service.status !== 'ACTIVE') {
    return lost('interfered', `The service is ${service.status}: somebody deleted it meanwhile`);
  }
  // One look may be answered from before our change; two in a row are not.
  if (wanted.desired !== undefined && view.strayed >= 2) {
    return lost(
      'interfered',
      `The desired count became ${service.desired} instead of ${wanted.desired}: changed by somebody else`,
    );
  }
  if (wanted.shrinking) return undefined;
  return deploymentLost(view, service, wanted) ?? tasksLost(view) ?? stuckTooLong(view, service);
}

function deploymentLost(view: View, service: EcsService, wanted: Expectation): Judgement | undefined {
  const primary = primaryOf(service);
  if (primary === undefined) return undefined;
  if (primary.rolloutState === 'FAILED') {
    return gaveUp(view, `ECS marked the deployment as failed: ${primary.rolloutStateReason ?? 'no reason given'}`);
  }
  // An answer from before our change may still show a rollback of the deployment before it.
  if (primary.id === wanted.deploymentIdBefore) return undefined;
  const replaced = wanted.deploymentId !== undefined && primary.id !== wanted.deploymentId;
  const reason = replaced || wanted.deploymentId === undefined ? rollbackOf(view, service, wanted) : undefined;
  if (reason !== undefined) return gaveUp(view, `ECS rolled the deployment back: ${reason}`);
  return replaced ? lost('interfered', `Another deployment (${primary.id}) was started meanwhile`) : undefined;
}

/** Why ECS went back to an earlier deployment, as far as it says; undefined: it did not. */
function rollbackOf(view: View, service: EcsService, wanted: Expectation): string | undefined {
  const ours = service.deployments.find((deployment) => deployment.id === wanted.deploymentId);
  if (ours?.rolloutState === 'FAILED') return ours.rolloutStateReason ?? 'no reason given';
  const said = primaryOf(service)?.rolloutStateReason;
  return said?.includes('rolling back') === true ? said : view.rolledBack;
}

/** ECS gave the deployment up; why is what its tasks stopped of, as far as they are known. */
function gaveUp(view: View, message: string): Judgement {
  const stop = view.stops.findLast((candidate) => candidate.hopeless) ?? view.stops.at(-1);
  return stop === undefined ? lost('deployment-failed', message) : { kind: 'hopeless', verdict: stop, message };
}

function tasksLost(view: View): Judgement | undefined {
  const { sameStops = DEFAULT_SAME_STOPS, noPlaceSeconds = DEFAULT_NO_PLACE_SECONDS } = view.giveUpAfter ?? {};
  const alike = new Map<string, { count: number; readonly firstMs: number }>();
  for (const stop of view.stops) {
    const known = alike.get(stop.key) ?? { count: 0, firstMs: stop.atMs };
    known.count += 1;
    alike.set(stop.key, known);
    // What may pass has its time; what does not, does not need any.
    const passed = stop.noPlace && stop.atMs - known.firstMs >= noPlaceSeconds * 1000;
    if (known.count < sameStops || !(stop.hopeless || passed)) continue;
    const { count } = known;
    const tasks = count === 1 ? 'a task stopped for it' : `${count} tasks stopped for the same reason`;
    return { kind: 'hopeless', verdict: stop, message: tasks };
  }
  if (view.newEvents.some((event) => saysTasksCannotStart(event.message))) {
    return gaveUp(view, 'ECS says that it is unable to consistently start tasks');
  }
  return undefined;
}

/** Missing capacity may come, a quota may be raised: but not for ever, and not where no instance could ever hold a task. */
function stuckTooLong(view: View, service: EcsService): Judgement | undefined {
  const { stuck } = view;
  if (stuck === undefined) return undefined;
  const { verdict, seconds, never } = stuck;
  if (never !== undefined) return { kind: 'hopeless', verdict, message: never };
  if (seconds < (view.giveUpAfter?.noPlaceSeconds ?? DEFAULT_NO_PLACE_SECONDS)) return undefined;
  return {
    kind: 'hopeless',
    verdict,
    message: `nothing has moved for ${seconds} s, ${countsOf(service, service.desired)}`,
  };
}

function lost(code: Verdict['code'], message: string): Judgement {
  return { kind: 'hopeless', verdict: { code, cause: '', advice: '', hopeless: true, noPlace: false }, message };
}
