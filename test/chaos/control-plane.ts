import { enableCompileCache } from 'node:module';
import { controlPlaneConfig } from '@outrider/control-plane/config.ts';
import { startControlPlane } from '@outrider/control-plane/main.ts';
import { pino } from 'pino';
import { paceOf } from './timings.ts';

/** A process: the control plane as `outrider control-plane` starts it, with timers as fast as its argument says. */
enableCompileCache();
process.env['GRPC_VERBOSITY'] ??= 'NONE';
const ended = new Promise<void>((resolve) => process.once('SIGTERM', () => resolve()));
const config = controlPlaneConfig(process.env);
const logger = pino({ level: config.logLevel }, pino.destination({ dest: 2, sync: true }));
const controlPlane = await startControlPlane(config, { logger, dispatchTimings: paceOf(process.argv[2]).dispatch });
await ended;
await controlPlane.close();
