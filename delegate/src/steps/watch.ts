import type { EcsService } from '../aws/ports.ts';
import type { StepFailure } from './contract.ts';
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
import { createMemory, type Memory } from './watch-memory.ts';
import type { Baseline, Watching, WatchOptions } from './watch-options.ts';
import type { Verdict } from './why.ts';

export { eventLine } from './watch-memory.ts';
export type { Baseline, WatchOptions } from './watch-options.ts';

/** Looks in a row that must agree. */
const STEADY_LOOKS = 2;

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
  const told = verdict.cause === '' ? message : `${verdict.cause} (${message})`;
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
