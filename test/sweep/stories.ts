import { createHash } from 'node:crypto';
import { HANDLERS } from '@outrider/delegate/steps/index.ts';
import { type DelegateStepType, isStepType, STEP_SPECS } from '@outrider/shared/steps/index.ts';
import type { StepTask } from '@outrider/shared/steps/task.ts';
import type { Fault } from '@outrider/simulator/world/faults.ts';
import type { WorldState } from '@outrider/simulator/world/state.ts';
import { startStepWorld } from '../support/step-harness.ts';
import { STORIES, type Story } from '../support/step-stories.ts';
import { FAILING_STORIES } from './failing-stories.ts';
import { type Place, POINTS, RECOVERIES, type RecordedCall } from './places.ts';

/** What there is before a step, and the step. */
export interface Scene {
  readonly name: string;
  readonly world: WorldState;
  readonly faults: readonly Fault[];
  readonly task: StepTask;
}

/** Swept in a file of their own, so that two cores share the work. */
export const VERSIONED_TYPES: ReadonlySet<string> = new Set<DelegateStepType>([
  'ecs-service-setup',
  'ecs-upgrade-containers',
  'ecs-rollback-containers',
]);

/** The stories of every step that asks anything of AWS, by step type in the order of the handlers. */
export function storiesByType(): ReadonlyMap<string, readonly string[]> {
  const all: readonly (readonly [string, Story])[] = Object.entries({ ...STORIES, ...FAILING_STORIES });
  const namesOf = (type: string) => all.filter(([, story]) => story.type === type).map(([name]) => name);
  const types = Object.keys(HANDLERS).filter((type) => isStepType(type) && STEP_SPECS[type].callsAws !== false);
  return new Map(types.map((type) => [type, namesOf(type)]));
}

const scenes = new Map<string, Promise<Scene>>();
let lastScene: Promise<unknown> = Promise.resolve();

/** The scene of a story, made once. */
export function setScene(name: string): Promise<Scene> {
  const known = scenes.get(name);
  if (known !== undefined) return known;
  // One after the other: where AWS is stands in the environment of the process.
  const scene = lastScene.then(() => makeScene(name));
  lastScene = scene.catch(() => undefined);
  scenes.set(name, scene);
  return scene;
}

async function makeScene(name: string): Promise<Scene> {
  const story = { ...STORIES, ...FAILING_STORIES }[name];
  if (story === undefined) throw new Error(`there is no story "${name}"`);
  const world = await startStepWorld({}, { minMs: 10_000, maxMs: 30_000 });
  try {
    const task = await story.prepare(world);
    const { control } = world.simulator;
    return { name, world: control.snapshot(), faults: control.faults().map(({ fault }) => fault), task };
  } finally {
    await world.close();
  }
}

/** Every call, every point, either recovery. */
export function everyPlace(calls: readonly RecordedCall[]): Place[] {
  return calls.flatMap((_, index) => placesOf(index + 1));
}

/**
 * What every check takes, as it has to be done in two minutes: each call that changes something at every point, with either
 * recovery where its answer is lost and with one of them, in turns, before and after it; and a look with either. Always
 * the same for the same calls.
 */
export function checkedPlaces(name: string, calls: readonly RecordedCall[]): Place[] {
  const text = [name, ...calls.map((call) => call.operation)].join();
  const seed = Number.parseInt(createHash('sha256').update(text).digest('hex').slice(0, 8), 16);
  const changes = calls.flatMap((call, index) => (call.mutates ? placesOf(index + 1) : []));
  const turn = ({ call, point, recovery }: Place) =>
    (call + seed + Number(point === 'after') + RECOVERIES.indexOf(recovery)) % 2 === 0;
  const looks = calls.flatMap((call, index) => (call.mutates ? [] : placesOf(index + 1)));
  const sampled = RECOVERIES.flatMap((recovery) => {
    const own = looks.filter((place) => place.recovery === recovery);
    return own.length === 0 ? [] : (own[seed % own.length] ?? []);
  });
  return [...changes.filter((place) => place.point === 'lost' || turn(place)), ...sampled];
}

function placesOf(call: number): Place[] {
  return POINTS.flatMap((point) => RECOVERIES.map((recovery) => ({ call, point, recovery })));
}
