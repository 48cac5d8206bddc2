import type { ServiceCounts } from '@outrider/shared/protocol/messages.ts';
import type { EcsService, EcsServiceEvent, EcsTask } from '../aws/ports.ts';
import { createContainerLogReader } from './container-log.ts';
import { createPatience, type Patience } from './patience.ts';
import { tooLargeForCluster } from './placement-room.ts';
import type { View } from './steady-state.ts';
import { unhealthyTargets } from './target-health.ts';
import type { Watching, WatchOptions } from './watch-options.ts';
import { type BadStop, classifyEvent, classifyStop, classifyTarget, isRoutineEvent, type Verdict } from './why.ts';

/** AWS may not show a service in the first seconds after it was made. */
const APPEARS_WITHIN_MS = 30_000;
/** Stopped tasks looked at in one look; ECS shows them for an hour. */
const STOPS_PER_LOOK = 20;
/** Lines of each kind in a failure: 20 in all. */
const REASONS_IN_EVIDENCE = 6;
const TARGETS_IN_EVIDENCE = 3;
const LOG_LINES_IN_EVIDENCE = 6;
const EVENTS_IN_EVIDENCE = 5;

/** What was seen of one service while it is waited for. */
export interface Memory {
  look(): Promise<View>;
  /** AWS's own words: why tasks stopped, targets, the container's last lines, the newest events. */
  evidence(): string[];
  /** The cause that explains most, as far as any is known. */
  worst(): Verdict | undefined;
}

export function createMemory(ctx: Watching, options: WatchOptions): Memory {
  const { cluster, wanted } = options;
  const startedAt = ctx.clock.now();
  const stops = createStopMemory(ctx, options);
  const patience = createPatience(ctx.clock);
  const events = createEventMemory(ctx, options, patience);
  let targets: readonly string[] = [];
  let stuck: View['stuck'];
  let existed = false;
  let reflected = false;
  let strayed = 0;

  return {
    async look() {
      const service = await ctx.aws.ecs.describeService(cluster, options.serviceName);
      existed ||= service !== undefined;
      const fresh = service === undefined ? [] : await events.look(service);
      const stopped = wanted.shrinking ? [] : await stops.look();
      if (service !== undefined) {
        ctx.counts([countsOf(options.role, service)]);
        const same = wanted.desired === undefined || service.desired === wanted.desired;
        reflected ||= same;
        strayed = reflected && !same ? strayed + 1 : 0;
      }
      const desired = wanted.desired ?? service?.desired ?? 0;
      const enough = service !== undefined && !wanted.shrinking && service.running >= desired;
      targets = enough ? await unhealthyTargets(ctx, cluster, service) : [];
      if (service !== undefined && !wanted.shrinking) {
        stuck = patience.look(service, desired, targets);
      }
      return {
        service,
        mustExist: existed || ctx.clock.now() - startedAt > APPEARS_WITHIN_MS,
        strayed,
        newEvents: fresh,
        newStops: stopped,
        stops: stops.all,
        unhealthyTargets: targets,
        stuck,
        rolledBack: events.all.findLast((event) => SAYS_ROLLED_BACK.test(event.message))?.message,
        giveUpAfter: options.giveUpAfter,
      };
    },
    evidence() {
      const reasons = [...new Map(stops.all.map((stop) => [stop.key, stop.evidence])).values()];
      return [
        ...reasons.slice(0, REASONS_IN_EVIDENCE),
        ...targets.slice(0, TARGETS_IN_EVIDENCE).map((text) => `Target: ${text}`),
        ...stops.wrote.slice(-LOG_LINES_IN_EVIDENCE),
        ...events.all.slice(-EVENTS_IN_EVIDENCE).map(eventLine),
      ];
    },
    worst() {
      const [target] = targets;
      const ofEvents = () =>
        events.all.map(({ message }) => classifyEvent(message)).findLast((one) => one !== undefined);
      return (
        stops.all.at(-1) ?? stuck?.verdict ?? (target === undefined ? undefined : classifyTarget(target)) ?? ofEvents()
      );
    },
  };
}

const SAYS_NO_ROOM = /insufficient (CPU units|memory) available/i;
const SAYS_ROLLED_BACK = /rolling back to deployment/i;

interface EventMemory {
  /** Events that are new since the last look, oldest first; told of already. */
  look(service: EcsService): Promise<readonly EcsServiceEvent[]>;
  readonly all: readonly EcsServiceEvent[];
}

function createEventMemory(ctx: Watching, options: WatchOptions, patience: Patience): EventMemory {
  const seen = new Set(options.baseline.eventIds);
  const all: EcsServiceEvent[] = [];
  let askedForRoom = false;
  return {
    all,
    async look(service) {
      const fresh = service.events.filter((event) => !seen.has(event.id)).toReversed();
      for (const event of fresh) {
        seen.add(event.id);
        all.push(event);
        tellEvent(ctx, event, options.events);
        const verdict = classifyEvent(event.message);
        if (verdict?.noPlace === true) patience.noted(verdict);
      }
      if (!askedForRoom && !options.wanted.shrinking && fresh.some((event) => SAYS_NO_ROOM.test(event.message))) {
        askedForRoom = true;
        const why = await tooLargeForCluster(ctx, options.cluster, service);
        if (why !== undefined) patience.never(why);
      }
      return fresh;
    },
  };
}

interface StopMemory {
  /** Tasks that stopped since the last look although they were meant to run; told of already. */
  look(): Promise<BadStop[]>;
  readonly all: readonly BadStop[];
  /** What their containers wrote last, as lines of evidence. */
  readonly wrote: readonly string[];
}

function createStopMemory(ctx: Watching, options: WatchOptions): StopMemory {
  const { cluster, serviceName, baseline, wanted } = options;
  const seen = new Set(baseline.stoppedTasks);
  const all: BadStop[] = [];
  const said = new Set<string>();
  const logs = createContainerLogReader(ctx);
  /** Reasons whose containers' last lines were read. */
  const heard = new Set<string>();
  const wrote: string[] = [];

  async function newlyEnded(): Promise<EcsTask[]> {
    const arns = await ctx.aws.ecs.listTasks(cluster, serviceName, 'STOPPED');
    const fresh = arns.filter((arn) => !seen.has(arn)).slice(0, STOPS_PER_LOOK);
    if (fresh.length === 0) return [];
    const tasks = await ctx.aws.ecs.describeTasks(cluster, fresh);
    // A task whose containers are still being stopped has no reasons yet: the next look reads it.
    const ended = tasks.filter((task) => task.lastStatus === 'STOPPED' || task.lastStatus === 'DELETED');
    for (const task of ended) seen.add(task.arn);
    // Tasks of the version that is being replaced may do what they like.
    return ended.filter((task) => [undefined, task.taskDefinitionArn].includes(wanted.taskDefinitionArn));
  }

  return {
    all,
    wrote,
    async look() {
      const stopped: BadStop[] = [];
      for (const task of await newlyEnded()) {
        const stop = classifyStop(task);
        if (stop === undefined) continue;
        stopped.push(stop);
        ctx.log(stop.evidence, 'WARN');
        if (!said.has(stop.key)) ctx.log(`What to do: ${stop.advice}`, 'WARN');
        said.add(stop.key);
        if (!stop.ran || heard.has(stop.key)) continue;
        const lines = await logs.tail(task);
        if (lines.length > 0) heard.add(stop.key);
        wrote.push(...lines);
      }
      all.push(...stopped);
      return stopped;
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
