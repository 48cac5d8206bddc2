import type { SimulatedAws } from '../aws.ts';
import type { Script } from '../ports.ts';
import type { Random } from '../random.ts';
import type { Scheduler } from '../scheduler.ts';
import type { Recorder } from './recorder.ts';
import type { Weather } from './weather.ts';

/** What the parts of a plant share. */
export interface PlantContext {
  readonly script: Script;
  readonly scheduler: Scheduler;
  /** Each part takes a fork of its own. */
  readonly random: Random;
  readonly recorder: Recorder;
  readonly weather: Weather;
  readonly aws: SimulatedAws;
  /** Looks for the value of a secret where it must not be. */
  readonly inspect: (where: string, bytes: Buffer) => void;
}
