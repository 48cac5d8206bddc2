import { type EventBody, type ExecutionBody, serviceCounts } from '@outrider/shared/api/schemas.ts';
import { z } from 'zod';

/** How many tasks the services of a running step run now. */
export const progressMessage = z.object({ stepId: z.string(), at: z.string(), services: z.array(serviceCounts) });
export type ProgressMessage = z.output<typeof progressMessage>;

/** What a watch shows; every function may be called at any time and never throws. */
export interface WatchView {
  event(event: EventBody): void | Promise<void>;
  progress(counts: ProgressMessage): void;
  /** Nothing has come for a while. */
  tick(): Promise<void>;
  /** The execution has ended. */
  ended(execution: ExecutionBody): void;
  /** The watch ends before the execution does. */
  left(): void;
}
