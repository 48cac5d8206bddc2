import { enableCompileCache } from 'node:module';
import { controlPlaneConfig } from '@outrider/control-plane/config.ts';
import { startControlPlane } from '@outrider/control-plane/main.ts';
import { pino } from 'pino';
import { FAST_DISPATCH } from './timings.ts';

/** A process: the control plane as `outrider control-plane` starts it, with faster timers. */
enableCompileCache();
process.env['GRPC_VERBOSITY'] ??= 'NONE';
const ended = new Promise<void>((resolve) => process.once('SIGTERM', () => resolve()));
const config = controlPlaneConfig(process.env);
const logger = pino({ level: config.logLevel }, pino.destination({ dest: 2, sync: true }));
const controlPlane = await startControlPlane(config, { logger, dispatchTimings: FAST_DISPATCH });
await ended;
await controlPlane.close();
