import type { Starters } from '../src/cli/commands/processes.ts';
import { processIo } from '../src/cli/io.ts';
import { runCli } from '../src/cli/program.ts';
import { versionText } from '../src/version.ts';

/**
 * Runs one `outrider` command and answers its exit code. This folder is the composition root: the only place that may see
 * every workspace. What a command does not need is not loaded.
 */
export async function main(argv: readonly string[]): Promise<number> {
  // grpc-js writes to the terminal by itself; what matters of it stands in our own log.
  process.env['GRPC_VERBOSITY'] ??= 'NONE';
  return await runCli(argv, processIo(), STARTERS, versionText());
}

const STARTERS: Starters = {
  dev: async (options, io) => await (await import('./dev.ts')).runDev(options, io),
  controlPlane: async (io) => await (await import('./processes.ts')).runControlPlane(io),
  delegate: async (io) => await (await import('@outrider/delegate/process.ts')).runDelegateProcess({ ...io.env }),
  simulator: async (options, io) => await (await import('./processes.ts')).runSimulator(options, io),
  storeFiles: {
    backUp: async (file, io) => await (await import('./store-files.ts')).backUpStore(file, io),
    restore: async (file, io) => await (await import('./store-files.ts')).restoreStoreFile(file, io),
  },
};
