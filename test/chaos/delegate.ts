import { enableCompileCache } from 'node:module';
import { createAws, createAwsClients } from '@outrider/delegate/aws/index.ts';
import { delegateConfig, startDelegate } from '@outrider/delegate/delegate.ts';
import { HANDLERS, runStep } from '@outrider/delegate/steps/index.ts';
import { pino } from 'pino';
import { recordingRunStep } from './produced.ts';
import { paceOf } from './timings.ts';

/**
 * A process: a delegate as `outrider delegate` starts it, with timers as fast as its argument says. What its steps say is written down a second time
 * (CHAOS_PRODUCED), by other means than the product's, so that the stored logs can be held against it.
 */
enableCompileCache();
process.env['GRPC_VERBOSITY'] ??= 'NONE';
const { connection, callMs } = paceOf(process.argv[2]);
const config = delegateConfig(process.env);
const logger = pino({ level: config.logLevel, base: { delegate: config.name } }, pino.destination(2));
const clients = createAwsClients({ sessionName: `outrider-${config.name}`, environment: process.env });
const delegate = await startDelegate(config, {
  logger,
  environment: process.env,
  stepTypes: Object.keys(HANDLERS),
  connectionTimings: connection,
  onFatal: () => process.exit(1),
  work: {
    runStep: recordingRunStep(runStep, process.env['CHAOS_PRODUCED'] ?? ''),
    awsFor: ({ task, gate, signal, sleep }) =>
      createAws({
        clients,
        region: task.target.region,
        assumeRole: task.target.assumeRole,
        gate: {
          permit: (askedMs) => gate.permit(callMs ?? askedMs),
          holds: (askedMs) => gate.holds(callMs ?? askedMs),
        },
        signal,
        tools: { sleep, random: Math.random },
      }),
  },
});
process.once('SIGTERM', () => {
  process.once('SIGTERM', () => process.exit(1));
  void delegate.stop().then(() => process.exit(0));
});
