import type { TaskId } from '@outrider/shared/ids.ts';
import type { ServiceCounts } from '@outrider/shared/protocol/messages.ts';
import { PROGRESS_SERVICES_MAX } from '@outrider/shared/protocol/timings.ts';
import { Listeners } from '../listeners.ts';
import type { Logger } from '../logger.ts';

/** Newest counts of each running task, for watchers. Kept in memory only: a lost one is replaced by the next. */
export class ProgressBoard {
  readonly #newest = new Map<TaskId, readonly ServiceCounts[]>();
  readonly #listeners: Listeners<[TaskId, readonly ServiceCounts[]]>;

  constructor(logger: Logger) {
    this.#listeners = new Listeners('onProgress', logger);
  }

  note(taskId: TaskId, services: readonly ServiceCounts[]): void {
    const shown = services.slice(0, PROGRESS_SERVICES_MAX);
    this.#newest.set(taskId, shown);
    this.#listeners.tell(taskId, shown);
  }

  of(taskId: TaskId): readonly ServiceCounts[] | undefined {
    return this.#newest.get(taskId);
  }

  listen(listener: (taskId: TaskId, services: readonly ServiceCounts[]) => void): () => void {
    return this.#listeners.add(listener);
  }

  keepOnly(living: ReadonlySet<TaskId>): void {
    for (const taskId of this.#newest.keys()) if (!living.has(taskId)) this.#newest.delete(taskId);
  }
}
