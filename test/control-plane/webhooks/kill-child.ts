import { SILENT } from '../../../control-plane/src/app/logger.ts';
import { controlPlaneConfig } from '../../../control-plane/src/config.ts';
import { startControlPlane } from '../../../control-plane/src/main.ts';

/** `node kill-child.ts STORE`: a control plane that takes up again soon what it was killed at; says its address. */
const [, , store = ''] = process.argv;
const controlPlane = await startControlPlane(
  controlPlaneConfig({
    OUTRIDER_INSECURE: '1',
    OUTRIDER_STORE: `sqlite:${store}`,
    OUTRIDER_HTTP_ADDR: '127.0.0.1:0',
    OUTRIDER_GRPC_ADDR: '127.0.0.1:0',
  }),
  { logger: SILENT, webhookTimings: { tickMs: 20, claimMs: 200, attemptMs: 60_000 } },
);
process.stdout.write(`${controlPlane.httpUrl}\n`);
