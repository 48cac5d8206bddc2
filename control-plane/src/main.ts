import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { OutriderError } from '@outrider/shared/errors.ts';
import { parseTaskId } from '@outrider/shared/ids.ts';
import { createBackups } from './app/backups.ts';
import { createDispatcher } from './app/dispatch/dispatcher.ts';
import type { Dispatcher } from './app/dispatch/ports.ts';
import type { DispatchTimings } from './app/dispatch/timings.ts';
import { createEngine } from './app/engine.ts';
import type { Engine } from './app/engine-port.ts';
import { createExecutions } from './app/executions.ts';
import { createJoining, type Joining, OPEN_DOOR } from './app/joining.ts';
import type { Logger } from './app/logger.ts';
import { createLogReader } from './app/logs.ts';
import type { Store } from './app/ports.ts';
import { createResources } from './app/resources.ts';
import { createScheduler } from './app/triggers/scheduler.ts';
import { TRIGGER_TIMINGS, type TriggerTimings } from './app/triggers/timings.ts';
import { createTriggers } from './app/triggers/triggers.ts';
import { createWaits, type Waits } from './app/waits.ts';
import { createSender, type Sender } from './app/webhooks/sender.ts';
import { WEBHOOK_TIMINGS, type WebhookTimings } from './app/webhooks/timings.ts';
import { createWebhooks } from './app/webhooks/webhooks.ts';
import { createApiKeys } from './auth/api-keys.ts';
import { type ControlPlaneConfig, formatAddress } from './config.ts';
import { type GrpcServer, startGrpcServer } from './grpc/server.ts';
import { createMetrics, type Metrics } from './http/metrics.ts';
import type { HttpDependencies } from './http/ports.ts';
import { allRoutes } from './http/routes/index.ts';
import { type HttpServer, startHttpServer } from './http/server.ts';
import { createReach, LOOPBACK_NETWORKS, type Reach, refusalOfUrl } from './outgoing/addresses.ts';
import { createPost } from './outgoing/post.ts';
import { openStore } from './store/open.ts';
import type { OpenedStore } from './store/operations.ts';
import { RESTORATION_SETTING, readRestoration } from './store/restoration.ts';
import { SYSTEM_CLOCK, SYSTEM_RANDOMNESS, SYSTEM_TIMERS } from './system.ts';
import { createTlsIdentity, type TlsIdentity } from './tls/identity.ts';
import { versionText } from './version.ts';

export interface ControlPlane {
  /** `http://127.0.0.1:8800` */
  readonly httpUrl: string;
  /** `127.0.0.1:8801` */
  readonly grpcAddress: string;
  readonly store: Store;
  /** Tells delegates to come back, lets answers finish, closes the store. Running steps go on meanwhile. */
  close(): Promise<void>;
}

export interface ControlPlaneOptions {
  readonly logger: Logger;
  /** Other than docs/protocol.md says, for tests with real processes. Delegates hear of lease and heartbeat in Welcome. */
  readonly dispatchTimings?: Partial<DispatchTimings>;
  /** Other than docs/webhooks.md says, for tests. */
  readonly webhookTimings?: Partial<WebhookTimings>;
  /** Other than docs/triggers.md says, for tests. */
  readonly triggerTimings?: Partial<TriggerTimings>;
}

/** How often what a crash or a failing store left undone is tried again. */
const RECOVER_EVERY_MS = 5_000;
const SYSTEM = { clock: SYSTEM_CLOCK, randomness: SYSTEM_RANDOMNESS, timers: SYSTEM_TIMERS };

/**
 * Starts a control plane. The order matters: what a crash left behind is finished first; then every lease is extended, so
 * that no running step is taken from its delegate because we were away; only then are delegates and operators let in.
 * @throws configuration-invalid, store-locked, store-failed
 */
export async function startControlPlane(
  config: ControlPlaneConfig,
  options: ControlPlaneOptions,
): Promise<ControlPlane> {
  const undo: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const step of undo.splice(0).toReversed()) await step();
  };
  try {
    return await start(config, options, undo, close);
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

async function start(
  config: ControlPlaneConfig,
  { logger, dispatchTimings = {}, webhookTimings = {}, triggerTimings = {} }: ControlPlaneOptions,
  undo: (() => Promise<void>)[],
  close: () => Promise<void>,
): Promise<ControlPlane> {
  const store = await openStore(config.store);
  undo.push(() => store.close());
  const identity = config.insecure ? null : await tlsIdentity(config, store, logger);
  if (identity !== null) undo.push(async () => identity.close());

  const engine = createEngine({ store, ...SYSTEM, logger });
  await engine.recover();
  const dispatcher = createDispatcher({ store, engine, ...SYSTEM, logger, timings: dispatchTimings });
  await dispatcher.start();
  undo.push(() => dispatcher.stop());
  const waits = createWaits({ store, engine, clock: SYSTEM_CLOCK, logger });
  undo.push(() => waits.stop());
  await waits.look();
  undo.push(repeatRecovery(engine, waits, logger));

  const reach = createReach([...config.webhookNetworks, ...(config.insecure ? LOOPBACK_NETWORKS : [])]);
  const outgoing = { reach, timings: { ...WEBHOOK_TIMINGS, ...webhookTimings } };
  const post = createPost(reach);
  const sender = createSender({ store, ...SYSTEM, logger, post, ...outgoing, version: versionText() });
  sender.start();
  undo.push(() => sender.stop());

  await tellOfRestore(store, logger);
  const timings = { ...TRIGGER_TIMINGS, ...triggerTimings };
  const parts = { store, engine, dispatcher, sender, outgoing, timings, identity, logger };
  const dependencies = httpDependencies(parts);
  const grpc = await startDelegateDoor(config, dispatcher, dependencies.joining, identity, logger);
  undo.push(() => grpc.close());
  const http = await startOperatorApi(config, dependencies, identity, logger);
  undo.push(() => http.close());
  const scheduler = createScheduler({ ...parts, ...SYSTEM, ...dependencies, keysAsked: identity !== null });
  scheduler.start();
  undo.push(() => scheduler.stop());
  const grpcAddress = formatAddress({ host: config.grpc.host, port: grpc.port });
  logger.info({ http: http.url, grpc: grpcAddress, insecure: config.insecure }, 'The control plane is up');
  return { httpUrl: http.url, grpcAddress, store, close };
}

async function tlsIdentity(config: ControlPlaneConfig, store: Store, logger: Logger): Promise<TlsIdentity> {
  const identity = await createTlsIdentity(config.tls, { store, ...SYSTEM, logger });
  const file = path.resolve(config.dataDir, 'ca.pem');
  try {
    await mkdir(config.dataDir, { recursive: true });
    await writeFile(file, identity.caCertificatePem);
  } catch (cause) {
    throw new OutriderError('configuration-invalid', `OUTRIDER_DATA_DIR: ${file} cannot be written`, {
      hint: 'Set OUTRIDER_DATA_DIR to a folder that can be written.',
      cause,
    });
  }
  logger.info({ file }, 'What signs our certificates: give it to clients as OUTRIDER_CA_FILE');
  return identity;
}

/** Why nothing moves at first. */
async function tellOfRestore(store: Store, logger: Logger): Promise<void> {
  const { generation, atMs, notBeforeMs } = readRestoration(await store.getSetting(RESTORATION_SETTING));
  if (notBeforeMs <= SYSTEM_CLOCK.now()) return;
  const fields = { generation, restoredAt: new Date(atMs).toISOString(), until: new Date(notBeforeMs).toISOString() };
  logger.warn(
    fields,
    'The store was restored from a backup: no step is given to a delegate until its old one must have stopped',
  );
}

function repeatRecovery(engine: Engine, waits: Waits, logger: Logger): () => Promise<void> {
  let running: Promise<void> | undefined;
  const timer = setInterval(() => {
    running ??= engine
      .recover()
      .then(() => waits.look())
      .catch((thrown: unknown) => logger.error({ err: thrown }, 'Recovery failed; it is tried again'))
      .finally(() => {
        running = undefined;
      });
  }, RECOVER_EVERY_MS);
  return async () => {
    clearInterval(timer);
    await running;
  };
}

interface Parts {
  readonly store: OpenedStore;
  readonly engine: Engine;
  readonly dispatcher: Dispatcher;
  readonly sender: Sender;
  readonly outgoing: { readonly reach: Reach; readonly timings: WebhookTimings };
  readonly timings: TriggerTimings;
  readonly identity: TlsIdentity | null;
  readonly logger: Logger;
}

type AllDependencies = Omit<HttpDependencies, 'metrics'> & { readonly joining: Joining; readonly metrics: Metrics };

function httpDependencies(parts: Parts): AllDependencies {
  const { store, engine, dispatcher, sender, outgoing, identity, logger } = parts;
  const fleet = () => dispatcher.fleet();
  const executions = createExecutions({
    store,
    engine,
    clock: SYSTEM_CLOCK,
    fleet,
    progressOf: (taskId) => dispatcher.progressOf(taskId),
  });
  const caFingerprint = identity?.caFingerprint ?? null;
  const joining = createJoining({ store, ...SYSTEM, logger, caFingerprint });
  joining.onLockChanged((name) => void lockChanged(dispatcher, name, logger));
  return {
    executions,
    resources: createResources({ store, clock: SYSTEM_CLOCK }),
    logs: createLogReader({ store, executions }),
    fleet: {
      list: async () => fleet(),
      remove: async (name) => (await dispatcher.removeDelegate(name)) === 'ok',
      async unlock(name, by) {
        const unlocked = await joining.unlock(name, by);
        // Whoever looks next sees it.
        await dispatcher.lockChanged(name);
        return unlocked;
      },
    },
    joining,
    joinTokens: joining,
    apiKeys: createApiKeys({ store, ...SYSTEM }),
    triggers: createTriggers({ ...parts, ...SYSTEM, executions, keysAsked: identity !== null }),
    webhooks: createWebhooks({
      store,
      ...SYSTEM,
      timings: outgoing.timings,
      refusal: (url) => refusalOfUrl(outgoing.reach, url),
      added: () => sender.wake(),
    }),
    backups: createBackups({ source: store.backups, ...SYSTEM, logger }),
    clock: SYSTEM_CLOCK,
    onExecutionChanged: (listener) => engine.onCommitted(listener),
    onProgress: (listener) =>
      dispatcher.onProgress((taskId, services) => {
        const task = parseTaskId(taskId);
        if (task !== undefined) listener(task.executionId, task.stepId, services);
      }),
    onLogAppended: (listener) => dispatcher.onLogAppended((taskId) => listener(taskId)),
    readiness: { store: () => store.check() },
    metrics: createMetrics({ store, fleet, version: versionText() }),
    version: versionText(),
  };
}

/** What is missed here is seen with the next tick: its credentials are revoked. */
async function lockChanged(dispatcher: Dispatcher, delegateName: string, logger: Logger): Promise<void> {
  try {
    await dispatcher.lockChanged(delegateName);
  } catch (thrown) {
    logger.error({ err: thrown, delegate: delegateName }, 'A delegate could not be looked at after its lock changed');
  }
}

async function startDelegateDoor(
  config: ControlPlaneConfig,
  dispatcher: Dispatcher,
  joining: Joining,
  identity: TlsIdentity | null,
  logger: Logger,
): Promise<GrpcServer> {
  return await startGrpcServer({
    address: config.grpc,
    security: identity === null ? { kind: 'insecure' } : { kind: 'tls', identity },
    gateway: dispatcher,
    authenticator: identity === null ? OPEN_DOOR : joining,
    joining: identity === null ? null : joining,
    ...SYSTEM,
    logger,
  });
}

async function startOperatorApi(
  config: ControlPlaneConfig,
  dependencies: AllDependencies,
  identity: TlsIdentity | null,
  logger: Logger,
): Promise<HttpServer> {
  const { apiKeys, metrics } = dependencies;
  if (config.bootstrapKey !== null && !config.insecure) {
    const outcome = await apiKeys.bootstrap(config.bootstrapKey);
    logger.info({ outcome }, 'OUTRIDER_BOOTSTRAP_KEY');
  } else if (!config.insecure && (await apiKeys.list()).length === 0) {
    logger.warn({}, 'There is no API key yet: start once with OUTRIDER_BOOTSTRAP_KEY to have the first one');
  }
  const server = await startHttpServer({
    listen: config.http,
    routes: allRoutes({ ...dependencies, metrics: () => metrics.text() }),
    authenticate: config.insecure ? null : (presented) => apiKeys.authenticate(presented),
    tls: identity,
    logger,
    randomness: SYSTEM_RANDOMNESS,
    onAnswered: (...answer) => metrics.answered(...answer),
  });
  return server;
}
