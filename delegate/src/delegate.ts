import { randomBytes } from 'node:crypto';
import { OutriderError } from '@outrider/shared/errors.ts';
import { sortableId } from '@outrider/shared/ids.ts';
import { DRAIN_LIMIT_MS } from '@outrider/shared/protocol/timings.ts';
import type { ProtocolRange } from '@outrider/shared/protocol/versions.ts';
import { STEP_SPECS } from '@outrider/shared/steps/index.ts';
import packageJson from '../package.json' with { type: 'json' };
import { Agent, type AgentOptions } from './agent/agent.ts';
import type { ConnectionHandlers } from './agent/agent-connection.ts';
import { Backoff } from './agent/backoff.ts';
import { type DelegateConfig, formatAddress } from './agent/config.ts';
import { Connection, type ConnectionTimings } from './agent/connection.ts';
import { type Credential, writeCredential } from './agent/credential-file.ts';
import { CredentialKeeper } from './agent/credential-keeper.ts';
import { type DataDirectory, takeDataDirectory } from './agent/data-dir.ts';
import { type IdentityOptions, join, obtainCredential } from './agent/identity.ts';
import { type InstantClock, SYSTEM_INSTANTS, SYSTEM_TIMERS, type Timers } from './agent/instant.ts';
import { Journal, type JournalOptions, type OpenJournal } from './agent/journal.ts';
import { type Logger, SILENT } from './agent/logger.ts';
import { askToRenew } from './agent/renew.ts';
import type { RunnerOptions } from './agent/runner.ts';
import type { DelegateIdentity } from './agent/session-state.ts';
import { spoolDirectory } from './agent/spool-files.ts';
import { createAws, createAwsClients } from './aws/index.ts';
import { createIntrospection, ecsAgentPort } from './ecs-agent/introspection.ts';
import { createHttpClient } from './host/http-client.ts';
import { createScriptRunner } from './host/script-runner.ts';
import { HANDLERS, runStep } from './steps/index.ts';

export { type DelegateConfig, delegateConfig } from './agent/config.ts';

/** A running delegate. */
export interface DelegateHandle {
  readonly name: string;
  /** The control plane has welcomed it and the session lasts. */
  readonly connected: boolean;
  /** Hands back what can go on elsewhere, finishes the rest within the limit, says goodbye. Safe to call twice. */
  stop(limitMs?: number): Promise<void>;
  /** Ends as if the process had been killed: nothing is said to anybody. */
  kill(): Promise<void>;
}

/** What tests and `outrider dev` put in the place of the real thing. */
export interface DelegateOverrides {
  readonly logger?: Logger;
  /** For proxies and OUTRIDER_ECS_AGENT_PORT; the AWS SDK reads the process's own. */
  readonly environment?: NodeJS.ProcessEnv;
  readonly clock?: InstantClock;
  readonly timers?: Timers;
  /** Uniform in [0, 1). */
  readonly random?: () => number;
  readonly work?: Partial<Pick<RunnerOptions, 'runStep' | 'awsFor' | 'metadata' | 'host'>>;
  readonly stepTypes?: readonly string[];
  /** What this delegate speaks. Default: PROTOCOL_RANGE. */
  readonly protocol?: ProtocolRange;
  readonly connectionTimings?: ConnectionTimings;
  readonly openJournal?: (options: JournalOptions) => Promise<OpenJournal>;
  /** Ends the wait for a control plane that is not there yet; later `stop` and `kill` do. */
  readonly signal?: AbortSignal;
  /** The delegate has ended itself and cannot go on. */
  readonly onFatal?: (error: OutriderError) => void;
}

/**
 * Starts a delegate: joins if it has to (waiting for a control plane that is not there yet, for ever), takes up what an earlier
 * process left, and connects. Nothing of it is global: several may live in one process.
 * @throws join-refused, store-locked, configuration-invalid; unreachable once `signal` has fired
 */
export async function startDelegate(
  config: DelegateConfig,
  overrides: DelegateOverrides = {},
): Promise<DelegateHandle> {
  const { logger = SILENT, clock = SYSTEM_INSTANTS, timers = SYSTEM_TIMERS, random = Math.random } = overrides;
  const directory = takeDataDirectory(config.dataDir, config.name);
  try {
    const now = () => Math.floor(clock.instant().wallMs);
    const instanceId = sortableId('ins', now(), randomBytes(10));
    const identity: IdentityOptions = {
      config,
      directory: directory.root,
      instanceId,
      version: packageJson.version,
      now,
      logger,
      random,
      newSecret: () => randomBytes(32).toString('base64url'),
      ...(overrides.protocol === undefined ? {} : { protocol: overrides.protocol }),
      ...(overrides.signal === undefined ? {} : { signal: overrides.signal }),
    };
    const tools = { timers, random, logger };
    const keeper = config.insecure ? null : keeperOf(await joinAtLast(identity, timers, random), identity, tools);
    const { openJournal = (options: JournalOptions) => Journal.open(options) } = overrides;
    const journal = await openJournal({ directory: directory.root, logger, now });
    const clients = createAwsClients({
      sessionName: `outrider-${config.name}`,
      ...(overrides.environment === undefined ? {} : { environment: overrides.environment }),
    });
    const agent = new Agent({
      identity: delegateIdentity(config, instanceId, overrides),
      controlPlane: formatAddress(config.controlPlane),
      connect: connector(config, keeper, tools, overrides),
      journal,
      logFiles: spoolDirectory(directory.logs),
      clock,
      timers,
      random,
      logger,
      work: {
        runStep,
        awsFor: ({ task, gate, signal, sleep }) => {
          const { region, assumeRole } = task.target;
          return createAws({ clients, region, assumeRole, gate, signal, tools: { sleep, random } });
        },
        metadata: createIntrospection({ port: ecsAgentPort(overrides.environment ?? process.env), clock: { now } }),
        host: {
          http: createHttpClient(overrides.environment),
          scripts: createScriptRunner({ directory: directory.scripts }),
        },
        ...overrides.work,
        polling: { minMs: config.pollMinMs, maxMs: config.pollMaxMs },
      },
      onFatal: (error) => {
        directory.release();
        logger.error({ err: error }, `The delegate cannot go on: ${error.message}`);
        overrides.onFatal?.(error);
      },
    });
    agent.start();
    return handleOf(config, agent, directory, () => {
      keeper?.close();
      clients.destroy();
    });
  } catch (thrown) {
    directory.release();
    throw thrown;
  }
}

/** Over gRPC, with the newest credential that this process has. Null: in plaintext, with none. */
function connector(
  config: DelegateConfig,
  keeper: CredentialKeeper | null,
  tools: { readonly timers: Timers; readonly random: () => number; readonly logger: Logger },
  { connectionTimings }: DelegateOverrides,
): AgentOptions['connect'] {
  return (handlers) =>
    new Connection({
      ...tools,
      handlers: keeper === null ? handlers : heardBy(keeper, handlers),
      address: config.controlPlane,
      ...(config.transport === undefined ? {} : { transport: config.transport }),
      access: () => keeper?.access() ?? { caCertificatePem: null, bearer: null },
      credentialRefused: async () => (await keeper?.refused()) ?? false,
      ...(connectionTimings === undefined ? {} : { timings: connectionTimings }),
    });
}

/** The keeper hears first which credential has let the delegate in. */
function heardBy(keeper: CredentialKeeper, handlers: ConnectionHandlers): ConnectionHandlers {
  return {
    ...handlers,
    message(message) {
      if (message.kind === 'welcome') keeper.welcomed(message.protocol);
      handlers.message(message);
    },
    closed() {
      keeper.left();
      handlers.closed();
    },
  };
}

function keeperOf(
  credential: Credential,
  identity: IdentityOptions,
  tools: { readonly timers: Timers; readonly random: () => number; readonly logger: Logger },
): CredentialKeeper {
  const { config, directory, instanceId, newSecret, now } = identity;
  return new CredentialKeeper({
    ...tools,
    credential,
    now,
    newSecret,
    store: (changed) => writeCredential(directory, changed),
    askToRenew: (caCertificatePem, bearer, nextBearer) =>
      askToRenew({ address: config.controlPlane, caCertificatePem, bearer, nextBearer, instanceId }),
    rejoin: () => rejoin(identity),
  });
}

function handleOf(config: DelegateConfig, agent: Agent, directory: DataDirectory, release: () => void): DelegateHandle {
  let ending: Promise<void> | undefined;
  const end = async (work: () => Promise<void>) => {
    await work();
    release();
    directory.release();
  };
  return {
    name: config.name,
    get connected() {
      return agent.connected;
    },
    stop(limitMs = DRAIN_LIMIT_MS) {
      ending ??= end(() => agent.stop(limitMs));
      return ending;
    },
    kill() {
      ending ??= end(() => agent.kill());
      return ending;
    },
  };
}

function delegateIdentity(config: DelegateConfig, instanceId: string, overrides: DelegateOverrides): DelegateIdentity {
  return {
    delegateName: config.name,
    instanceId,
    version: packageJson.version,
    tags: config.tags,
    stepTypes: overrides.stepTypes ?? Object.keys(HANDLERS),
    slots: config.slots,
    region: config.region,
    repeatableTypes: Object.values(STEP_SPECS)
      .filter((spec) => spec.repeatable)
      .map((spec) => spec.type),
    ...(overrides.protocol === undefined ? {} : { protocol: overrides.protocol }),
  };
}

/** A control plane that is not there yet is waited for; one that refuses is not. Says each new reason, and now and then the old one. */
async function joinAtLast(identity: IdentityOptions, timers: Timers, random: () => number): Promise<Credential> {
  const backoff = new Backoff(random);
  let lastWhy = '';
  for (let failures = 1; ; failures++) {
    try {
      return await obtainCredential(identity);
    } catch (thrown) {
      const error = OutriderError.from(thrown);
      if (error.code !== 'unreachable' || identity.signal?.aborted === true) throw error;
      const { message: why } = error;
      if (why !== lastWhy || failures % REPEAT_EVERY === 0) {
        identity.logger.warn({ why, failures }, `The delegate cannot join yet (${why}); it tries again`);
      }
      lastWhy = why;
    }
    await pause(timers, backoff.next(), identity.signal);
  }
}

/** A standing reason is said again after so many attempts. */
const REPEAT_EVERY = 20;

async function pause(timers: Timers, milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => {
    const cancel = timers.after(milliseconds, end);
    function end() {
      cancel();
      signal?.removeEventListener('abort', end);
      resolve();
    }
    if (signal?.aborted === true) end();
    else signal?.addEventListener('abort', end);
  });
}

/** After the credential was refused: a token that still counts gives another one. */
async function rejoin(identity: IdentityOptions): Promise<Credential | undefined> {
  const { config, logger } = identity;
  if (config.joinToken === null) {
    logger.error({}, 'The credential is not accepted; set OUTRIDER_JOIN_TOKEN to a new join token and start again');
    return undefined;
  }
  try {
    return await join(identity);
  } catch (thrown) {
    const { message, hint } = OutriderError.from(thrown);
    logger.error(
      { why: message },
      `The credential is not accepted, and neither is the join token: ${message}. ${hint}`,
    );
    return undefined;
  }
}
