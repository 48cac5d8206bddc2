import { ERRORS } from '@outrider/shared/errors.ts';
import type { ServiceCounts } from '@outrider/shared/protocol/messages.ts';
import type { EcsService, EcsServiceEvent } from '../aws/ports.ts';
import type { StepContext, StepFailure } from './contract.ts';
import { failure } from './failures.ts';
import { poll } from './poll.ts';
import {
  type Expectation,
  type Judgement,
  judgeRunning,
  judgeSteady,
  primaryOf,
  runningOf,
  type View,
} from './steady-state.ts';
import { unhealthyTargets } from './target-health.ts';
import { type BadStop, classifyEvent, classifyStop, isRoutineEvent, type Verdict } from './why.ts';

type Watching = Pick<StepContext<unknown>, 'aws' | 'clock' | 'log' | 'counts' | 'polling' | 'sleep'>;

/** AWS may not show a service in the first seconds after it was made. */
const APPEARS_WITHIN_MS = 30_000;
/** Looks in a row that must agree. */
const STEADY_LOOKS = 2;
/** Stopped tasks looked at in one look; ECS shows them for an hour. */
const STOPS_PER_LOOK = 20;
const EVENTS_IN_EVIDENCE = 5;

/** What was there before the change: neither these events nor these stops are told of. Taken before the mutation. */
export interface Baseline {
  readonly eventIds: ReadonlySet<string>;
  readonly stoppedTasks: ReadonlySet<string>;
  readonly deploymentId: string | undefined;
}

export interface WatchOptions {
  readonly cluster: string;
  readonly serviceName: string;
  readonly role: ServiceCounts['role'];
  readonly baseline: Baseline;
  readonly wanted: Expectation;
  /** Routine events are a part of page two's logs; page one's logs tell of trouble only. */
  readonly events: 'all' | 'trouble';
  readonly untilMs: number;
}

export const NOTHING_BEFORE: Baseline = { eventIds: new Set(), stoppedTasks: new Set(), deploymentId: undefined };

export async function takeBaseline(ctx: Watching, cluster: string, service: EcsService | undefined): Promise<Baseline> {
  if (service === undefined) return NOTHING_BEFORE;
  return {
    eventIds: new Set(service.events.map((event) => event.id)),
    stoppedTasks: new Set(await ctx.aws.ecs.listTasks(cluster, service.name, 'STOPPED')),
    deploymentId: primaryOf(service)?.id,
  };
}

/** What of a service's events is as old as one of these newest ones, or older. None of them is shown any more: nothing is. */
export function eventsUpTo(service: EcsService, newest: ReadonlySet<string>): ReadonlySet<string> {
  const first = service.events.findIndex((event) => newest.has(event.id));
  return new Set(first === -1 ? [] : service.events.slice(first).map((event) => event.id));
}

/** One service while it is being waited for: what was seen and said, so that nothing is said twice. */
export interface Watch {
  /** Ends when enough tasks run; throws StepFailure with the reason when they will not, or not in time. */
  untilRunning(): Promise<EcsService>;
  /** Ends when the service is steady; throws as untilRunning. */
  untilSteady(): Promise<EcsService>;
}

export function watchService(ctx: Watching, options: WatchOptions): Watch {
  const state = { seen: createMemory(ctx, options), lastCounts: '' };
  const untilRunning = async () => {
    let moved = false;
    const service = await wait(ctx, options, state.seen, judgeRunning, {
      looks: 1,
      moved: () => moved,
      tell(view) {
        const now = view.service;
        if (now === undefined) return;
        const counts = `${runningOf(now, options.wanted)}/${options.wanted.desired ?? now.desired}`;
        moved = counts !== state.lastCounts;
        state.lastCounts = counts;
        ctx.log(`Waiting for pending tasks to finish. ${counts} running ...`);
      },
    });
    return service;
  };
  const untilSteady = () =>
    wait(ctx, options, state.seen, judgeSteady, { looks: STEADY_LOOKS, moved: () => false, tell: () => undefined });
  return { untilRunning, untilSteady };
}

interface Phase {
  readonly looks: number;
  readonly moved: () => boolean;
  /** Called on each look that ends with waiting. */
  tell(view: View): void;
}

async function wait(
  ctx: Watching,
  options: WatchOptions,
  memory: Memory,
  judge: (view: View, wanted: Expectation) => Judgement,
  phase: Phase,
): Promise<EcsService> {
  let agreeing = 0;
  let missing = '';
  const found = await poll(ctx, {
    untilMs: options.untilMs,
    moved: () => agreeing > 0 || phase.moved(),
    async look() {
      const view = await memory.look();
      const judgement = judge(view, options.wanted);
      if (judgement.kind === 'hopeless') throw givenUp(options, memory, judgement.message, judgement.verdict);
      if (judgement.kind === 'steady') {
        agreeing += 1;
        return agreeing >= phase.looks ? view.service : undefined;
      }
      agreeing = 0;
      missing = judgement.missing;
      phase.tell(view);
      return undefined;
    },
  });
  if (found !== undefined) return found;
  throw timedOut(options, memory, missing);
}

function givenUp(options: WatchOptions, memory: Memory, message: string, verdict: Verdict): StepFailure {
  const title = ERRORS[verdict.code].title;
  const told = verdict.advice === '' ? message : `${title.charAt(0).toLowerCase()}${title.slice(1)} (${message})`;
  return failure(verdict.code, `Service ${options.serviceName} does not become steady: ${told}`, {
    hint: verdict.advice === '' ? undefined : verdict.advice,
    evidence: memory.evidence(),
  });
}

/** The code says why, when AWS said why; a plain timeout otherwise. */
function timedOut(options: WatchOptions, memory: Memory, missing: string): StepFailure {
  const verdict = memory.worst();
  const text = `Timed out waiting for service: ${options.serviceName} to reach steady state: ${missing}`;
  return failure(verdict?.code ?? 'steady-state-timeout', text, {
    hint: verdict === undefined || verdict.advice === '' ? undefined : verdict.advice,
    evidence: memory.evidence(),
  });
}

interface Memory {
  look(): Promise<View>;
  evidence(): string[];
  worst(): Verdict | undefined;
}

function createMemory(ctx: Watching, options: WatchOptions): Memory {
  const { cluster, serviceName, baseline, wanted } = options;
  const startedAt = ctx.clock.now();
  const seenEvents = new Set(baseline.eventIds);
  const seenStops = new Set(baseline.stoppedTasks);
  const events: EcsServiceEvent[] = [];
  const stops: BadStop[] = [];
  const said = new Set<string>();
  let existed = false;
  let reflected = false;
  let strayed = 0;

  async function newStops(): Promise<BadStop[]> {
    const arns = await ctx.aws.ecs.listTasks(cluster, serviceName, 'STOPPED');
    const fresh = arns.filter((arn) => !seenStops.has(arn)).slice(0, STOPS_PER_LOOK);
    if (fresh.length === 0) return [];
    const tasks = await ctx.aws.ecs.describeTasks(cluster, fresh);
    // A task whose containers are still being stopped has no reasons yet: the next look reads it.
    const ended = tasks.filter((task) => task.lastStatus === 'STOPPED' || task.lastStatus === 'DELETED');
    for (const task of ended) seenStops.add(task.arn);
    // Tasks of the version that is being replaced may do what they like.
    const ours = ended.filter((task) => [undefined, task.taskDefinitionArn].includes(wanted.taskDefinitionArn));
    return ours.flatMap((task) => classifyStop(task) ?? []);
  }

  function tellStop(stop: BadStop): void {
    ctx.log(stop.evidence, 'WARN');
    if (said.has(stop.key)) return;
    said.add(stop.key);
    ctx.log(`What to do: ${stop.advice}`, 'WARN');
  }

  return {
    async look() {
      const service = await ctx.aws.ecs.describeService(cluster, serviceName);
      existed ||= service !== undefined;
      const fresh = (service?.events ?? []).filter((event) => !seenEvents.has(event.id)).toReversed();
      for (const event of fresh) {
        seenEvents.add(event.id);
        events.push(event);
        tellEvent(ctx, event, options.events);
      }
      const stopped = wanted.shrinking ? [] : await newStops();
      stopped.forEach(tellStop);
      stops.push(...stopped);
      if (service !== undefined) {
        ctx.counts([countsOf(options.role, service)]);
        const same = wanted.desired === undefined || service.desired === wanted.desired;
        reflected ||= same;
        strayed = reflected && !same ? strayed + 1 : 0;
      }
      const counts =
        service !== undefined && !wanted.shrinking && service.running >= (wanted.desired ?? service.desired);
      return {
        service,
        mustExist: existed || ctx.clock.now() - startedAt > APPEARS_WITHIN_MS,
        strayed,
        newEvents: fresh,
        newStops: stopped,
        stops,
        unhealthyTargets: counts ? await unhealthyTargets(ctx, cluster, service) : [],
      };
    },
    evidence() {
      const reasons = [...new Map(stops.map((stop) => [stop.key, stop.evidence])).values()];
      return [...reasons.slice(0, 10), ...events.slice(-EVENTS_IN_EVIDENCE).map(eventLine)];
    },
    worst() {
      return (
        stops.at(-1) ?? events.map((event) => classifyEvent(event.message)).findLast((verdict) => verdict !== undefined)
      );
    },
  };
}

function tellEvent(ctx: Watching, event: EcsServiceEvent, which: WatchOptions['events']): void {
  const verdict = classifyEvent(event.message);
  if (verdict !== undefined) {
    ctx.log(eventLine(event), 'WARN');
    if (verdict.advice !== '') ctx.log(`What to do: ${verdict.advice}`, 'WARN');
    return;
  }
  // That the service is steady is for us to say, after two looks.
  if (/has reached a steady state|deployment completed/.test(event.message)) return;
  if (which === 'all' || !isRoutineEvent(event.message)) ctx.log(eventLine(event));
}

/** `# AWS Event: 2022-10-07 00:05:14.665 (service myappCanary) has started 1 tasks: …`, in UTC. */
export function eventLine(event: EcsServiceEvent): string {
  const at = new Date(event.createdAtMs).toISOString();
  return `# AWS Event: ${at.slice(0, 10)} ${at.slice(11, 23)} ${event.message}`;
}

export function countsOf(role: ServiceCounts['role'], service: EcsService): ServiceCounts {
  const { name, desired, running, pending } = service;
  return { service: name, role, desired, running, pending };
}
