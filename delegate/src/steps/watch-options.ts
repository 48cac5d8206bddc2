import type { ServiceCounts } from '@outrider/shared/protocol/messages.ts';
import type { GiveUpAfter } from '@outrider/shared/steps/give-up.ts';
import type { StepContext } from './contract.ts';
import type { Expectation } from './steady-state.ts';

export type Watching = Pick<StepContext<unknown>, 'aws' | 'clock' | 'log' | 'counts' | 'polling' | 'sleep'>;

/** What was there before the change: neither these events nor these stops are told of. Taken before the mutation. */
export interface Baseline {
  readonly eventIds: ReadonlySet<string>;
  readonly stoppedTasks: ReadonlySet<string>;
  readonly deploymentId: string | undefined;
}

export interface WatchOptions {
  readonly cluster: string;
  readonly serviceName: string;
  readonly role: ServiceCounts['role'];
  readonly baseline: Baseline;
  readonly wanted: Expectation;
  /** Routine events are a part of page two's logs; page one's logs tell of trouble only. */
  readonly events: 'all' | 'trouble';
  /** When the wait is hopeless; undefined: the defaults. */
  readonly giveUpAfter?: GiveUpAfter | undefined;
  readonly untilMs: number;
}
