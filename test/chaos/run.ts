import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { eventually, startOutrider } from '../support/processes.ts';
import { type Chance, chanceOf } from './chance.ts';
import { collectExecutions, collectProcesses, collectProduced, collectSecrets, collectStore } from './collect.ts';
import { type Installation, startInstallation } from './installation.ts';
import { documents, LANES, type Lane } from './lanes.ts';
import { type Nemesis, startNemesis } from './nemesis.ts';
import type { Observations } from './observations.ts';
import { pause } from './operator.ts';
import type { ProxyCounts } from './proxy.ts';
import type { Pace } from './timings.ts';
import { startWorkload, type Workload } from './workload.ts';
import { type LaneWorld, laneWorld, recordWorld, revisions, type WorldRecorder } from './world-view.ts';

export interface ChaosOptions {
  readonly seed: number;
  readonly pace: Pace;
  /** How long harm is done. */
  readonly chaosMs: number;
  /** How long everything may take to end after that. */
  readonly settleMs: number;
  /** Where stores, logs and everything else lie. */
  readonly directory: string;
  readonly lanes?: readonly Lane[];
  readonly tell: (line: string) => void;
}

export interface ChaosRun {
  readonly observations: Observations;
  readonly proxies: readonly ProxyCounts[];
}

const MEASURE_EVERY_MS = 1_000;
/** How long the first version of every service may take before harm is done all the same. */
const FIRST_VERSIONS_MS = 25_000;

/** One run: an installation, operators who deploy, somebody who does harm; then peace, and what there is to see is collected. */
export async function runChaos(options: ChaosOptions): Promise<ChaosRun> {
  const { pace, directory, tell, lanes = LANES } = options;
  const chance = chanceOf(options.seed);
  const installation = await startInstallation(directory, pace, chance.fork('installation'));
  const recorder = recordWorld(installation.aws);
  const giveUp = new AbortController();
  const measuring = setInterval(() => measure(installation), MEASURE_EVERY_MS);
  try {
    await applyDocuments(installation, lanes);
    const { workload, nemesis } = await doHarm(options, lanes, installation, chance, giveUp);
    await nemesis.done;
    tell('No more harm is done');
    const patience = setTimeout(() => giveUp.abort(), options.settleMs);
    await workload.done;
    clearTimeout(patience);
    return await observe(installation, lanes, recorder, workload, nemesis);
  } finally {
    clearInterval(measuring);
    giveUp.abort();
    recorder.stop();
    await installation.close();
  }
}

async function doHarm(
  { pace, chaosMs, tell }: ChaosOptions,
  lanes: readonly Lane[],
  installation: Installation,
  chance: Chance,
  giveUp: AbortController,
): Promise<{ workload: Workload; nemesis: Nemesis }> {
  const peace = new AbortController();
  const workload = startWorkload({
    installation,
    lanes,
    chance: chance.fork('workload'),
    noMore: peace.signal,
    giveUp: giveUp.signal,
  });
  // A first version of everything, so that there is something to lose.
  await until(() => workload.deployments().length >= lanes.length || workload.troubles().length > 0, FIRST_VERSIONS_MS);
  const begun = performance.now();
  const nemesis = startNemesis(installation, pace, chance.fork('nemesis'), peace.signal, (misdeed) => {
    const { atMs, what, victim, forMs } = misdeed;
    tell(`${(atMs / 1_000).toFixed(1).padStart(6)} s  ${what}: ${victim}, ${(forMs / 1_000).toFixed(1)} s`);
  });
  let told = 0;
  await until(
    () => {
      const ended = workload.deployments().length;
      if (ended >= told + 10) tell(`${ended} executions have ended`);
      if (ended >= told + 10) told = ended;
      return workload.troubles().length > 0;
    },
    begun + chaosMs - performance.now(),
  );
  peace.abort();
  return { workload, nemesis };
}

async function until(happened: () => boolean, limitMs: number): Promise<void> {
  const end = performance.now() + limitMs;
  while (!happened() && performance.now() < end) await pause(100);
}

async function observe(
  installation: Installation,
  lanes: readonly Lane[],
  recorder: WorldRecorder,
  workload: Workload,
  nemesis: Nemesis,
): Promise<ChaosRun> {
  const { aws, directApi, storeFile, producedDirectory, operatorProxy, delegateProxies } = installation;
  const settled = await settledWorld(installation, lanes);
  const executions = await collectExecutions(directApi);
  measure(installation);
  await installation.stopProcesses();
  recorder.stop();
  const observations: Observations = {
    deployments: workload.deployments(),
    open: workload.open(),
    troubles: workload.troubles(),
    watched: workload.watched(),
    watchedByCommand: workload.watchedByCommand(),
    followed: workload.followed(),
    executions,
    store: collectStore(storeFile),
    produced: await collectProduced(producedDirectory),
    world: {
      settled,
      revisions: revisions(aws),
      mutations: recorder.mutations(),
      created: recorder.created(),
    },
    processes: await collectProcesses(installation),
    secrets: await collectSecrets(installation),
    misdeeds: nemesis.misdeeds,
  };
  return { observations, proxies: [operatorProxy, ...Object.values(delegateProxies)].map((proxy) => proxy.counts()) };
}

async function applyDocuments({ directory, cliEnvironment }: Installation, lanes: readonly Lane[]): Promise<void> {
  const file = path.join(directory, 'documents.yaml');
  const texts = documents(lanes).map((document) => JSON.stringify(document));
  await writeFile(file, texts.join('\n---\n'));
  const applied = await startOutrider(['apply', '-f', file], cliEnvironment).finished;
  if (applied.exitCode !== 0) throw new Error(`the documents are not accepted: ${applied.stderr}`);
}

/** The world once no task moves any more, or as it is after a while. */
async function settledWorld({ aws }: Installation, lanes: readonly Lane[]): Promise<Record<string, LaneWorld>> {
  const look = () => Object.fromEntries(lanes.map((lane) => [lane.name, laneWorld(aws, lane)]));
  const isStill = (world: LaneWorld) =>
    world.services.every(
      ({ desired, running, moving }) =>
        moving === 0 && desired === Object.values(running).reduce((sum, count) => sum + count, 0),
    );
  return await eventually(
    'the world is still',
    () => {
      const worlds = look();
      return Object.values(worlds).every(isStill) ? worlds : undefined;
    },
    20_000,
  ).catch(look);
}

function measure({ controlPlane, delegates }: Installation): void {
  for (const daemon of [controlPlane, ...Object.values(delegates)]) daemon.measure();
}
