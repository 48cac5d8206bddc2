import { runSimulatorCommand } from '@outrider/simulator/cli.ts';
import { pino } from 'pino';
import type { SimulatorOptions } from '../src/cli/commands/processes.ts';
import type { CliIo } from '../src/cli/io.ts';
import { controlPlaneConfig } from '../src/config.ts';
import { startControlPlane } from '../src/main.ts';

/** Waits for Ctrl-C or a request to end; a second one ends the process at once. */
export async function untilInterrupted(io: CliIo): Promise<void> {
  await new Promise<void>((resolve) => {
    const stopListening = io.onInterrupt(() => {
      stopListening();
      io.onInterrupt(() => process.exit(130));
      resolve();
    });
  });
}

/** `outrider control-plane` */
export async function runControlPlane(io: CliIo): Promise<number> {
  const config = controlPlaneConfig(io.env);
  const logger = pino({ level: config.logLevel }, pino.destination({ dest: 2, sync: true }));
  const interrupted = untilInterrupted(io);
  const controlPlane = await startControlPlane(config, { logger });
  io.stderr.write(`Operator API and page: ${controlPlane.httpUrl}\nDelegates: ${controlPlane.grpcAddress}\n`);
  await interrupted;
  await controlPlane.close();
  return 0;
}

/** `outrider simulator` */
export async function runSimulator(options: SimulatorOptions, io: CliIo): Promise<number> {
  const interrupted = untilInterrupted(io);
  const simulator = await runSimulatorCommand({ ...options, print: (line) => io.stdout.write(`${line}\n`) });
  await interrupted;
  await simulator.close();
  return 0;
}
