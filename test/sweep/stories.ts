import { createHash } from 'node:crypto';
import { HANDLERS } from '@outrider/delegate/steps/index.ts';
import type { DelegateStepType } from '@outrider/shared/steps/index.ts';
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

/** Looks at AWS of each story at which a delegate is killed in every check; `npm run sweep` takes all. */
const SAMPLED_LOOKS = 4;

/** Swept in a file of their own, so that two cores share the work. */
export const VERSIONED_TYPES: ReadonlySet<string> = new Set<DelegateStepType>([
  'ecs-service-setup',
  'ecs-upgrade-containers',
  'ecs-rollback-containers',
]);

/** The stories of every step that a delegate can do, by step type in the order of the handlers. */
export function storiesByType(): ReadonlyMap<string, readonly string[]> {
  const all: readonly (readonly [string, Story])[] = Object.entries({ ...STORIES, ...FAILING_STORIES });
  const namesOf = (type: string) => all.filter(([, story]) => story.type === type).map(([name]) => name);
  return new Map(Object.keys(HANDLERS).map((type) => [type, namesOf(type)]));
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

/** Every call that changes something, at every point, and some of the others: always the same for the same calls. */
export function checkedPlaces(name: string, calls: readonly RecordedCall[]): Place[] {
  const changes = calls.flatMap((call, index) => (call.mutates ? placesOf(index + 1) : []));
  const looks = calls.flatMap((call, index) => (call.mutates ? [] : placesOf(index + 1)));
  const text = [name, ...calls.map((call) => call.operation)].join();
  const seed = Number.parseInt(createHash('sha256').update(text).digest('hex').slice(0, 8), 16);
  const step = Math.max(1, Math.floor(looks.length / SAMPLED_LOOKS));
  const sampled = looks.filter((_, index) => (index + seed) % step === 0).slice(0, SAMPLED_LOOKS);
  return [...changes, ...sampled];
}

function placesOf(call: number): Place[] {
  return POINTS.flatMap((point) => RECOVERIES.map((recovery) => ({ call, point, recovery })));
}
