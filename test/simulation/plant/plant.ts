import { createSimulatedAws } from '../aws.ts';
import type { Script } from '../ports.ts';
import { Random } from '../random.ts';
import { Scheduler } from '../scheduler.ts';
import { spanOf } from '../script-check.ts';
import type { PlantContext } from './context.ts';
import { CONTROL_PLANE, ControlPlaneHost } from './control-plane.ts';
import { enrol } from './credentials.ts';
import { delegatePlaces } from './delegates.ts';
import { Director } from './director.ts';
import { Door } from './door.ts';
import { harvest } from './harvest.ts';
import { Operators } from './operators.ts';
import { Process } from './process.ts';
import type { HistoryRecord } from './record.ts';
import { Recorder } from './recorder.ts';
import { prepareWorld } from './samples.ts';
import { StoreDisk } from './store.ts';
import { Watcher } from './watchers.ts';
import { Weather } from './weather.ts';
import { worldOf } from './world.ts';

/** What was there before anybody deployed has come up by then. */
const BEFORE_MS = 180_000;
/** After everything has ended: what still comes then must do no harm. */
const LINGER_MS = 12_000;
const EVENTS_MAX = 200_000;

/** See `runPlant`. `recordEvents`: every event of the scheduler is in its trace, for reading. */
export async function play(script: Script): Promise<HistoryRecord> {
  const scheduler = new Scheduler({ seed: script.seed, maxEvents: EVENTS_MAX });
  const random = new Random(`plant/${script.seed}`);
  const secret = Buffer.from(random.fork('secret').bytes(15)).toString('base64url');
  const late: { director: Director | undefined } = { director: undefined };
  const aws = createSimulatedAws(scheduler, {
    hooks: {
      sending: (call) => late.director?.awsSending(call),
      performed: (call, result) => late.director?.awsPerformed(call, result),
    },
  });
  prepareWorld(aws, secret);
  await scheduler.run({ untilMs: scheduler.now() + BEFORE_MS });
  const beganAtMs = scheduler.now();
  const worldBefore = worldOf(aws.state());
  const recorder = new Recorder(scheduler);
  const weather = new Weather(script, recorder, random);
  const inspect = (where: string, bytes: Buffer): void => {
    if (bytes.includes(secret)) recorder.leak(where, 'the value of a secret');
  };
  const context: PlantContext = { script, scheduler, random, recorder, weather, aws, inspect };
  const disk = new StoreDisk(recorder);
  const machine = new Process(scheduler, { host: CONTROL_PLANE, run: 0, wallOffsetMs: 0, random });
  const door = new Door(machine, recorder, inspect);
  const controlPlane = new ControlPlaneHost(context, disk, door);
  const places = delegatePlaces(context, door);
  // Half of the installations ask for credentials, and know a clone by its own.
  if (random.fork('credentials').chance(0.5)) {
    for (const { host } of places) {
      host.disk.credentialId = `${host.host}-0`;
      await enrol(disk.store, host.host, host.disk.credentialId, beganAtMs);
    }
  }
  const watchers: Watcher[] = [];
  const api = () => controlPlane.api;
  const operators = new Operators(context, api, (executionId) => {
    const watcher = new Watcher(context, api, `watcher-${watchers.length + 1}`, executionId);
    watchers.push(watcher);
    watcher.begin();
  });
  const director = new Director({ context, controlPlane, disk, door, places });
  late.director = director;

  controlPlane.start();
  for (const { host } of places) host.start();
  director.begin();
  operators.begin();

  const over = () =>
    operators.open === 0 &&
    recorder.openExecutions.size === 0 &&
    watchers.every((watcher) => watcher.done) &&
    nothingComes(script, recorder.nowMs) &&
    // The end of an execution leaves something to be done, too, and whoever was to do it may have died just then.
    disk.store.snapshot().effects.size === 0;
  const limit = { untilMs: beganAtMs + script.limitMs };
  const end = await scheduler.run({ ...limit, until: over });
  if (end === 'events') recorder.fail('scheduler', 'more events than any history needs');
  if (end === 'condition') await scheduler.run({ untilMs: Math.min(limit.untilMs, scheduler.now() + LINGER_MS) });
  return await harvest({ context, disk, operators, watchers, worldBefore, beganAtMs, secret });
}

/** Everybody has what was asked for, no fault is at work, and none will take anything back: the others find nothing to disturb. */
function nothingComes({ faults, calmFromMs }: Script, nowMs: number): boolean {
  return faults.every((fault) => {
    if (fault.atMs > nowMs) return fault.kind !== 'roll-back-store';
    const waits = fault.kind === 'crash-delegate-at' || fault.kind === 'crash-control-plane-at';
    return waits || spanOf(fault, calmFromMs).toMs <= nowMs;
  });
}
