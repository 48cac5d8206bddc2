import { OutriderError } from '@outrider/shared/errors.ts';
import type { Logger } from './logger.ts';
import type { BackupSource, Clock, StoreBackup } from './ports.ts';

/** Copies of the store, made while the control plane works. */
export interface Backups {
  /** To be read and then discarded. `by`: who asked. @throws not-allowed-now, overloaded, store-failed */
  make(by: string): Promise<MadeBackup>;
}
export interface MadeBackup extends StoreBackup {
  readonly madeAtMs: number;
}

export function createBackups({
  source,
  clock,
  logger,
}: {
  /** Null: the store keeps nothing. */
  readonly source: BackupSource | null;
  readonly clock: Clock;
  readonly logger: Logger;
}): Backups {
  return {
    async make(by) {
      if (source === null) {
        throw new OutriderError('not-allowed-now', 'The control plane keeps its store in memory: nothing outlives it', {
          hint: 'Start it with OUTRIDER_STORE=sqlite:PATH.',
        });
      }
      try {
        const backup = await source.makeBackup();
        const { bytes, executions, livingTasks, sha256 } = backup;
        logger.info({ by, bytes, executions, livingTasks, sha256 }, 'A backup of the store was made');
        return { ...backup, madeAtMs: clock.now() };
      } catch (thrown) {
        logger.warn({ by, err: thrown }, 'A backup of the store failed');
        throw thrown;
      }
    },
  };
}
