import type { SetupOutput } from '@outrider/shared/steps/ecs-service-setup.ts';
import { ecsUpgradeContainers } from '@outrider/shared/steps/ecs-upgrade-containers.ts';
import type { FactsOf, OutputOf } from '@outrider/shared/steps/index.ts';
import type { Prior } from '@outrider/shared/steps/task.ts';
import { removeAutoScaling, restoreAutoScaling } from './auto-scaling.ts';
import type { StepContext, StepHandler } from './contract.ts';
import { failure } from './failures.ts';
import { newestEventsOf, resizeAll, stoppedNow } from './resize-all.ts';
import { restoredCount } from './restored-count.ts';

type Facts = FactsOf<'ecs-rollback-containers'>;
type Context = StepContext<Facts>;
type Counts = NonNullable<Facts['goal']>;

/**
 * Restores the counts that Upgrade Containers of the same phase changed, or at once those from before the setup. What
 * serves comes back first (in the setup's resize order); only then the new version shrinks.
 */
export const ecsRollbackContainers: StepHandler<'ecs-rollback-containers'> = async (input, ctx) => {
  const { prior } = input;
  const allPhases = input.with.allPhases === true;
  const undo = undoOf(prior, allPhases);
  if ('skipped' in undo) {
    ctx.log(undo.skipped);
    return skippedOutput(prior.setup, undo.skipped);
  }
  const { setup, recorded } = undo;
  const { clusterName: cluster } = setup;
  if (allPhases) {
    ctx.log('** Rolling back all phases at once **');
    ctx.log('');
  }
  const { goal, tasksBefore, stoppedBefore } = await decideOnce(ctx, setup, recorded);
  await removeAutoScaling(ctx, cluster, goal.newService.name);
  const grow = goal.oldServices.map((service) => ({ ...service, role: 'old' as const }));
  const shrink = { ...goal.newService, role: 'new' as const, shrinking: true as const };
  const containers = await resizeAll(ctx, {
    cluster,
    containerName: setup.containerName,
    steadyStateTimeoutMinutes: setup.steadyStateTimeoutMinutes,
    giveUpAfter: input.with.giveUpAfter,
    tasksBefore,
    stoppedBefore,
    // Only a run that goes on has missed anything: trouble before its own resize is no concern of this one.
    newestEventsBefore: ctx.resumed.newestEvents,
    steps: setup.resizeStrategy === 'resize-new-first' ? [...grow, shrink] : [shrink, ...grow],
    done: ctx.resumed.done ?? [],
    saveDone: (done) => ctx.checkpoint({ done }),
  });
  await restoreScaling(ctx, setup, goal, allPhases);
  return {
    newService: goal.newService,
    oldServices: goal.oldServices,
    containers,
    allPhasesDone: allPhases,
    skipped: '',
  };
};

type Undo = { readonly skipped: string } | { readonly setup: SetupOutput; readonly recorded: RecordedCounts };

interface RecordedCounts {
  readonly before: Counts;
  /** What the undone step set; undefined: it never got as far. */
  readonly after: Counts | undefined;
}

/** The counts to go back to, or why there is nothing to do. */
function undoOf(prior: Prior, allPhases: boolean): Undo {
  if (prior.allPhasesRolledBack) return { skipped: 'All phase Rollback already done. Skipping.' };
  if (prior.setup === null) return { skipped: 'No container setup element found. Skipping.' };
  const { setup } = prior;
  if (allPhases) {
    const before = { newService: { name: setup.serviceName, desired: 0 }, oldServices: setup.previous };
    return { setup, recorded: { before, after: undefined } };
  }
  // The oldest change holds what was there first; it stands last.
  const changes = prior.undo.flatMap((step) => {
    const facts = ecsUpgradeContainers.facts.safeParse(step.facts);
    return facts.success && facts.data.undo !== undefined ? [facts.data] : [];
  });
  const first = changes.at(-1)?.undo;
  if (first === undefined) return { skipped: 'No context found for rollback. Skipping.' };
  const oldest = new Map(changes.flatMap((facts) => facts.undo?.oldServices ?? []).map((old) => [old.name, old]));
  const before = { newService: first.newService, oldServices: [...oldest.values()] };
  return { setup, recorded: { before, after: changes[0]?.goal } };
}

async function decideOnce(
  ctx: Context,
  setup: SetupOutput,
  recorded: RecordedCounts,
): Promise<{ goal: Counts; tasksBefore: readonly string[]; stoppedBefore: readonly string[] | undefined }> {
  const { resumed } = ctx;
  if (resumed.goal !== undefined) {
    return { goal: resumed.goal, tasksBefore: resumed.taskArnsBefore ?? [], stoppedBefore: resumed.stoppedBefore };
  }
  const { clusterName: cluster } = setup;
  const { before, after } = recorded;
  const live = await ctx.aws.ecs.describeServices(cluster, [
    before.newService.name,
    ...before.oldServices.map((service) => service.name),
  ]);
  const liveOf = (name: string) => live.find((service) => service.name === name && service.status === 'ACTIVE');
  for (const { name, desired } of before.oldServices) {
    if (desired > 0 && liveOf(name) === undefined) {
      throw failure('service-missing', `The old version ${name} is gone: its ${desired} instances cannot be restored`, {
        hint: `Nothing was scaled down. Deploy the old version again; ${before.newService.name} keeps running meanwhile.`,
      });
    }
  }
  // Half of what an earlier attempt moved may be there: seen as the start it would be moved once more.
  const goal: Counts = ctx.earlier.goal ?? {
    newService: before.newService,
    oldServices: restoredCount({
      recorded: before.oldServices,
      live: (name) => liveOf(name)?.desired ?? 0,
      // Beyond the setup's total only auto scaling, or a person, can have brought the new version.
      outgrown: Math.max(
        (liveOf(before.newService.name)?.desired ?? 0) - Math.max(after?.newService.desired ?? 0, setup.total),
        0,
      ),
    }),
  };
  const tasksBefore: string[] = [];
  for (const service of live) tasksBefore.push(...(await ctx.aws.ecs.listTasks(cluster, service.name, 'RUNNING')));
  const stoppedBefore = await stoppedNow(
    ctx,
    cluster,
    goal.oldServices.map((service) => service.name),
  );
  const newestEvents = newestEventsOf(live);
  await ctx.checkpoint({ goal, taskArnsBefore: tasksBefore, stoppedBefore, newestEvents, done: [] });
  return { goal, tasksBefore, stoppedBefore };
}

/** Auto scaling comes back once a service has all its instances again: before, it would work against the rollback. */
async function restoreScaling(ctx: Context, setup: SetupOutput, goal: Counts, allPhases: boolean): Promise<void> {
  const whole = new Set(
    setup.previous
      .filter((before) => goal.oldServices.some((now) => now.name === before.name && now.desired >= before.desired))
      .map((before) => before.name),
  );
  if (setup.autoScalingSnapshots.length === 0) {
    if (allPhases || goal.newService.desired === 0) ctx.log('No Auto-scalar configs to restore');
    return;
  }
  for (const snapshot of setup.autoScalingSnapshots) {
    if (whole.has(snapshot.service)) await restoreAutoScaling(ctx, setup.clusterName, snapshot);
  }
}

function skippedOutput(setup: SetupOutput | null, skipped: string): OutputOf<'ecs-rollback-containers'> {
  const newService = { name: setup?.serviceName ?? '', desired: 0 };
  return { newService, oldServices: [], containers: [], allPhasesDone: false, skipped };
}
