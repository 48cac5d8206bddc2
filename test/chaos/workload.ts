import type { Chance } from './chance.ts';
import type { Installation } from './installation.ts';
import type { Lane } from './lanes.ts';
import { type Intervention, intervene, pause, type Request, startExecution, untilEnded } from './operator.ts';
import {
  type CommandWatched,
  type Follower,
  followLog,
  type LogFollowed,
  type Watched,
  watch,
  watchByCommandLine,
} from './watcher.ts';
import { type LaneWorld, laneWorld } from './world-view.ts';

/** What the operator had in mind. */
export type Intent = 'deploy' | 'bad-image' | 'abort' | 'rollback';

/** One execution as its operator saw it. */
export interface Deployment {
  readonly lane: Lane;
  readonly intent: Intent;
  readonly image: string;
  readonly request: Request;
  readonly intervention: Intervention | undefined;
  /** The status with which it was seen to have ended; undefined: it never was. */
  readonly ended: string | undefined;
  readonly before: LaneWorld;
  readonly after: LaneWorld;
}

export interface Workload {
  /** Resolves when every lane has ended its last execution. */
  readonly done: Promise<void>;
  deployments(): readonly Deployment[];
  /** Executions that were asked for and have not been seen to end. */
  open(): readonly string[];
  watched(): readonly Watched[];
  watchedByCommand(): readonly CommandWatched[];
  followed(): readonly LogFollowed[];
  /** What went wrong in the operators' own doings. */
  troubles(): readonly string[];
}

export interface WorkloadOptions {
  readonly installation: Installation;
  readonly lanes: readonly Lane[];
  readonly chance: Chance;
  /** No execution begins after it. */
  readonly noMore: AbortSignal;
  /** Nobody waits any longer. */
  readonly giveUp: AbortSignal;
}

/** Operators who deploy all lanes at once, each one execution after the other. */
export function startWorkload(options: WorkloadOptions): Workload {
  const { lanes, chance, noMore } = options;
  const deployments: Deployment[] = [];
  const watchers: Follower<Watched>[] = [];
  const commands: Follower<CommandWatched>[] = [];
  const followers: Follower<LogFollowed>[] = [];
  const open = new Set<string>();
  const troubles: string[] = [];
  const work = async (lane: Lane) => {
    const luck = chance.fork(lane.name);
    for (let number = 1; !noMore.aborted; number++) {
      try {
        await deploy({ ...options, chance: luck }, lane, number, { deployments, watchers, commands, followers, open });
      } catch (thrown) {
        troubles.push(`${lane.name}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
        return;
      }
      await pause(luck.whole(0, 500));
    }
  };
  const all = async () => {
    await Promise.all(lanes.map(work));
    await Promise.all([...watchers, ...commands, ...followers].map((one) => one.done));
  };
  return {
    done: all(),
    deployments: () => deployments,
    open: () => [...open],
    watched: () => watchers.map((one) => one.seen()),
    watchedByCommand: () => commands.map((one) => one.seen()),
    followed: () => followers.map((one) => one.seen()),
    troubles: () => troubles,
  };
}

interface Notes {
  readonly deployments: Deployment[];
  readonly watchers: Follower<Watched>[];
  readonly commands: Follower<CommandWatched>[];
  readonly followers: Follower<LogFollowed>[];
  readonly open: Set<string>;
}

async function deploy(
  { installation, chance, giveUp }: WorkloadOptions,
  lane: Lane,
  number: number,
  notes: Notes,
): Promise<void> {
  const { aws, api, cliEnvironment } = installation;
  const intent = intentOf(chance, number);
  // Of one length, so that none begins as another one is called: faults of images go by a pattern.
  const image = `:v${String(number).padStart(5, '0')}`;
  const key = `${lane.name}-${number}`;
  if (intent === 'bad-image') {
    const after = chance.whole(0, 1);
    aws.control.addFault({ kind: 'image-pull-failure', image: `${lane.repository}${image}`, after });
  }
  notes.open.add(key);
  const before = laneWorld(aws, lane);
  const request = await startExecution(installation, lane, image, key, chance);
  const { executionId } = request;
  notes.watchers.push(watch(api, executionId, `${key} from the start`, giveUp));
  if (chance.maybe(0.5)) {
    await pause(chance.whole(0, 1_500));
    notes.watchers.push(watch(api, executionId, `${key} later`, giveUp));
  }
  if (chance.maybe(0.1)) notes.commands.push(watchByCommandLine(cliEnvironment, executionId, giveUp));
  if (chance.maybe(0.5)) {
    const step = lane.kind === 'rolling' ? chance.one(['p1.1', 'p1.2', 'p1.3']) : chance.one(['p1.1', 'p1.2', 'p2.1']);
    notes.followers.push(followLog(api, executionId, step, giveUp));
  }
  let intervention: Intervention | undefined;
  if (intent === 'abort' || intent === 'rollback') {
    await pause(chance.whole(0, 5_000));
    intervention = await intervene(installation, executionId, intent, key);
  }
  const ended = await untilEnded(api, executionId, giveUp);
  const after = laneWorld(aws, lane);
  notes.deployments.push({ lane, intent, image, request, intervention, ended, before, after });
  if (ended !== undefined) notes.open.delete(key);
}

/** The first one is to succeed, so that there is something that a later one can harm. */
function intentOf(chance: Chance, number: number): Intent {
  const drawn = chance.number();
  if (number === 1 || drawn < 0.55) return 'deploy';
  if (drawn < 0.75) return 'bad-image';
  return drawn < 0.9 ? 'abort' : 'rollback';
}
