import type { SetupOutput } from '@outrider/shared/steps/ecs-service-setup.ts';
import type { FactsOf, OutputOf, RenderedWith } from '@outrider/shared/steps/index.ts';
import type { ServiceDesired } from '@outrider/shared/steps/target.ts';
import type { EcsService } from '../aws/ports.ts';
import { downsizeBy, resolveAmount, spendOver } from './arithmetic.ts';
import { attachAutoScaling, removeAutoScaling, suspendAutoScaling } from './auto-scaling.ts';
import type { StepContext, StepHandler } from './contract.ts';
import { failure } from './failures.ts';
import { versionsOf } from './family.ts';
import { belongsTo } from './identity.ts';
import { poll, waitEnd } from './poll.ts';
import { newestEventsOf, resizeAll, stoppedNow } from './resize-all.ts';

type Facts = FactsOf<'ecs-upgrade-containers'>;
type Context = StepContext<Facts>;
type Goal = NonNullable<Facts['goal']>;

const APPEARS_WITHIN_MS = 30_000;

/**
 * Moves instances from the old versions to the new one, in the order of the setup's resize strategy. Each resize is
 * steady before the next begins: what serves is not shrunk before its replacement runs, unless the author chose to
 * downsize first.
 */
export const ecsUpgradeContainers: StepHandler<'ecs-upgrade-containers'> = async (input, ctx) => {
  const { setup } = input.prior;
  if (setup === null)
    throw failure('step-input-invalid', 'No container setup element found: no setup of this service ran before');
  const { goal, tasksBefore, stoppedBefore } = await decideOnce(ctx, setup, input.with);
  await suspendAutoScaling(ctx, setup.clusterName, snapshotsOf(setup, goal.oldServices));
  const containers = await resizeAll(ctx, {
    cluster: setup.clusterName,
    containerName: setup.containerName,
    steadyStateTimeoutMinutes: setup.steadyStateTimeoutMinutes,
    giveUpAfter: input.with.giveUpAfter,
    tasksBefore,
    stoppedBefore,
    // Only a run that goes on has missed anything: trouble before its own resize is no concern of this one.
    newestEventsBefore: ctx.resumed.newestEvents,
    steps: order(ctx, setup, goal),
    done: ctx.resumed.done ?? [],
    saveDone: (done) => ctx.checkpoint({ done }),
  });
  const output: OutputOf<'ecs-upgrade-containers'> = {
    newService: goal.newService,
    oldServices: goal.oldServices,
    containers,
  };
  await settleAutoScaling(ctx, setup, goal, input.prior.finalResize);
  return output;
};

function snapshotsOf(setup: SetupOutput, services: readonly ServiceDesired[]) {
  const names = new Set(services.map((service) => service.name));
  return setup.autoScalingSnapshots.filter((snapshot) => names.has(snapshot.service));
}

/** Old first only where the author chose it: then nothing may serve for a while. */
function order(ctx: Context, setup: SetupOutput, goal: Goal) {
  const grow = { ...goal.newService, role: 'new' as const };
  const shrink = goal.oldServices.map((service) => ({ ...service, role: 'old' as const, shrinking: true as const }));
  if (setup.resizeStrategy === 'resize-new-first') return [grow, ...shrink];
  if (shrink.length > 0 && shrink.every((service) => service.desired === 0)) {
    ctx.log('Downsizing the old version first: no instance of it is left until the new ones run', 'WARN');
  }
  return [...shrink, grow];
}

/** Undo data and goal are fixed before the first change; a later run follows them, whatever it sees. */
async function decideOnce(
  ctx: Context,
  setup: SetupOutput,
  input: RenderedWith<'ecs-upgrade-containers'>,
): Promise<{ goal: Goal; tasksBefore: readonly string[]; stoppedBefore: readonly string[] | undefined }> {
  const { resumed } = ctx;
  if (resumed.goal !== undefined) {
    return { goal: resumed.goal, tasksBefore: resumed.taskArnsBefore ?? [], stoppedBefore: resumed.stoppedBefore };
  }
  const { clusterName, family, serviceName } = setup;
  const before = await newVersion(ctx, setup);
  const versions = await versionsOf(ctx.aws.ecs, clusterName, family);
  const live = versions.map(({ service }) => service);
  const { goal, undo } = sameAgain(ctx.earlier, live) ?? decide(ctx, { setup, input, before, live });
  const services = [before, ...live.filter(({ name }) => goal.oldServices.some((old) => old.name === name))];
  const tasksBefore: string[] = [...(ctx.earlier.taskArnsBefore ?? [])];
  if (ctx.earlier.taskArnsBefore === undefined) {
    for (const { name } of services) tasksBefore.push(...(await ctx.aws.ecs.listTasks(clusterName, name, 'RUNNING')));
  }
  const stoppedBefore = await stoppedNow(ctx, clusterName, [serviceName]);
  const newestEvents = newestEventsOf(services);
  await ctx.checkpoint({ undo, goal, taskArnsBefore: tasksBefore, stoppedBefore, newestEvents, done: [] });
  return { goal, tasksBefore, stoppedBefore };
}

interface Decided {
  readonly goal: Goal;
  readonly undo: Goal;
}

/** A second attempt finishes what the first one decided: half of its move may be made, and would not be seen as one. */
function sameAgain({ goal, undo }: Facts, live: readonly EcsService[]): Decided | undefined {
  if (goal === undefined || undo === undefined) return undefined;
  const left = goal.oldServices.filter(({ name }) => live.some((service) => service.name === name));
  return { goal: { ...goal, oldServices: left }, undo };
}

function decide(
  ctx: Context,
  options: {
    readonly setup: SetupOutput;
    readonly input: RenderedWith<'ecs-upgrade-containers'>;
    readonly before: EcsService;
    readonly live: readonly EcsService[];
  },
): Decided {
  const { input, before, live } = options;
  const { serviceName, total } = options.setup;
  const old = live
    .filter((service) => service.name !== serviceName && service.desired > 0)
    .map((service) => ({ name: service.name, desired: service.desired }));
  const wanted = resolveAmount(input.desiredInstances, total);
  if (wanted.note !== '') ctx.log(wanted.note);
  const desired = Math.max(wanted.instances, before.desired);
  if (desired > wanted.instances) {
    ctx.log(
      `Desired count: [${wanted.instances}] is less than previous count: [${before.desired}]. Updating desired count to: [${desired}]`,
    );
  }
  const removed = downsizeBy({
    desired: input.desiredInstances,
    remain: input.downsizeOldInstances,
    total,
    newBefore: before.desired,
    newAfter: desired,
    oldTotal: old.reduce((sum, service) => sum + service.desired, 0),
  });
  const shrunk = spendOver(old, removed);
  const changed = shrunk.filter((service, index) => service.desired !== old[index]?.desired);
  const goal: Goal = { newService: { name: serviceName, desired }, oldServices: changed };
  const undo: Goal = {
    newService: { name: serviceName, desired: before.desired },
    oldServices: old.filter((service) => changed.some(({ name }) => name === service.name)),
  };
  return { goal, undo };
}

async function newVersion(ctx: Context, setup: SetupOutput) {
  const found = await poll(ctx, {
    untilMs: waitEnd(ctx, APPEARS_WITHIN_MS),
    look: () => ctx.aws.ecs.describeService(setup.clusterName, setup.serviceName),
  });
  if (found?.status === 'ACTIVE' && belongsTo(found, setup.family)) return found;
  throw failure('service-missing', `Service setup not done, service name: ${setup.serviceName}`);
}

/** Old versions at 0 need no auto scaling any more; the new one gets its own once nothing resizes it again. */
async function settleAutoScaling(ctx: Context, setup: SetupOutput, goal: Goal, finalResize: boolean): Promise<void> {
  for (const snapshot of snapshotsOf(
    setup,
    goal.oldServices.filter((service) => service.desired === 0),
  )) {
    await removeAutoScaling(ctx, setup.clusterName, snapshot.service);
  }
  if (!finalResize) return;
  if (setup.autoScaler !== null) await attachAutoScaling(ctx, setup.clusterName, setup.serviceName, setup.autoScaler);
  else if (setup.autoScalingSnapshots.length > 0) ctx.log('No Autoscalar config provided.');
}
