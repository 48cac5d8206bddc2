import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { ApplicationAutoScalingClient } from '@aws-sdk/client-application-auto-scaling';
import type { ECSClient } from '@aws-sdk/client-ecs';
import type { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { type AskEc2, createAskEc2 } from './ec2-request.ts';
import { looksOnceMore } from './last-look.ts';
import { type AskLogs, createAskLogs } from './logs-request.ts';
import { autoScalingSdk, ecsSdk, loadBalancingSdk } from './sdk.ts';

/** A mutation ends, one way or the other, within this time; the mutation gate is asked for it. */
export const CALL_TIMEOUT_MS = 15_000;
/** Accounts (role and region) whose clients are kept; the one used longest ago goes first. */
const ACCOUNTS_KEPT = 50;
const READ_ATTEMPTS = 4;

/** Whose AWS: one role in one region. */
export interface AccountKey {
  readonly region: string;
  readonly assumeRole?: { readonly arn: string; readonly externalId?: string | undefined } | undefined;
}

/** Reads are retried by the SDK; mutations go out once and are retried by us after a look. */
export type CallKind = 'read' | 'mutation';

/** The SDK clients of one account, loaded when first asked for. Nothing but `send` is asked of them. */
export interface AccountClients {
  readonly region: string;
  ecs(kind: CallKind): Promise<Pick<ECSClient, 'send'>>;
  autoScaling(kind: CallKind): Promise<Pick<ApplicationAutoScalingClient, 'send'>>;
  loadBalancing(): Promise<Pick<ElasticLoadBalancingV2Client, 'send'>>;
  /** EC2, without an SDK client. */
  readonly askEc2: AskEc2;
  /** CloudWatch Logs, without an SDK client. */
  readonly askLogs: AskLogs;
}

export interface AwsClients {
  forAccount(key: AccountKey): AccountClients;
  /** Closes idle connections; calls made later fail. */
  destroy(): void;
}

export interface AwsClientsOptions {
  /** Shown in CloudTrail for assumed roles: 2–64 of `[\w+=,.@-]`; other characters become `-`. */
  readonly sessionName?: string;
  /** Where the proxy variables are read from. */
  readonly environment?: NodeJS.ProcessEnv;
}

/**
 * The cache of SDK clients: one pair (reads, mutations) per service, role and region. Endpoints, profiles and
 * credentials come from the environment as the SDK defines them (`AWS_ENDPOINT_URL*`, `AWS_REGION`, …).
 */
export function createAwsClients(options: AwsClientsOptions = {}): AwsClients {
  const environment = options.environment ?? process.env;
  const sessionName = (options.sessionName ?? 'outrider-delegate').replace(/[^\w+=,.@-]/g, '-').slice(0, 64);
  const agents = createAgents(environment);
  const accounts = new Map<string, AccountClients>();
  return {
    forAccount(key) {
      const name = JSON.stringify([key.region, key.assumeRole?.arn ?? '', key.assumeRole?.externalId ?? '']);
      const known = accounts.get(name);
      const account = known ?? createAccountClients(key, sessionName, agents);
      accounts.delete(name);
      accounts.set(name, account);
      const oldest = accounts.size > ACCOUNTS_KEPT ? accounts.keys().next().value : undefined;
      // Its sockets belong to the shared agents and close when idle: nothing else to free.
      if (oldest !== undefined) accounts.delete(oldest);
      return account;
    },
    destroy() {
      accounts.clear();
      agents.httpAgent.destroy();
      agents.httpsAgent.destroy();
    },
  };
}

interface Agents {
  readonly httpAgent: HttpAgent;
  readonly httpsAgent: HttpsAgent;
}

/** Without `throwOnRequestTimeout` a request that takes too long is only warned about and hangs on. */
function requestHandlerSettings(agents: Agents) {
  return {
    connectionTimeout: 2_000,
    requestTimeout: CALL_TIMEOUT_MS,
    throwOnRequestTimeout: true,
    socketTimeout: 20_000,
    ...agents,
  };
}

/** The SDK knows nothing of proxies: Node's agents read the usual variables when they are given `proxyEnv`. */
function createAgents(environment: NodeJS.ProcessEnv): Agents {
  const settings = { keepAlive: true, maxSockets: 50, proxyEnv: environment };
  return { httpAgent: new HttpAgent(settings), httpsAgent: new HttpsAgent(settings) };
}

function createAccountClients(key: AccountKey, sessionName: string, agents: Agents): AccountClients {
  const requestHandler = requestHandlerSettings(agents);
  const credentials = once(() => assumedRole(key, sessionName));
  const settings = async (kind: CallKind) => {
    const assumed = await credentials();
    return {
      region: key.region,
      maxAttempts: kind === 'read' ? READ_ATTEMPTS : 1,
      retryMode: 'standard',
      requestHandler,
      ...(assumed === undefined ? {} : { credentials: assumed }),
    };
  };
  const ecs = perKind(async (kind) => {
    const { ECSClient } = await ecsSdk();
    return looksOnceMore(new ECSClient(await settings(kind)));
  });
  const autoScaling = perKind(async (kind) => {
    const { ApplicationAutoScalingClient } = await autoScalingSdk();
    return looksOnceMore(new ApplicationAutoScalingClient(await settings(kind)));
  });
  const loadBalancing = once(async () => {
    const { ElasticLoadBalancingV2Client } = await loadBalancingSdk();
    return looksOnceMore(new ElasticLoadBalancingV2Client(await settings('read')));
  });
  const signed = {
    region: key.region,
    // Endpoints come from where the SDK's clients find them.
    environment: process.env,
    requestHandler,
    // The same credentials as every other call of this account, cached and refreshed in one place.
    credentials: async () => await (await ecs('read')).config.credentials(),
  };
  const askEc2 = createAskEc2(signed);
  const askLogs = createAskLogs(signed);
  return { region: key.region, ecs, autoScaling, loadBalancing, askEc2, askLogs };
}

/** Credentials of the assumed role, refreshed by the SDK; undefined: the default chain. STS is asked in the region itself. */
async function assumedRole(key: AccountKey, sessionName: string) {
  if (key.assumeRole === undefined) return undefined;
  const { fromTemporaryCredentials } = await import('@aws-sdk/credential-providers');
  return fromTemporaryCredentials({
    params: {
      RoleArn: key.assumeRole.arn,
      RoleSessionName: sessionName,
      ...(key.assumeRole.externalId === undefined ? {} : { ExternalId: key.assumeRole.externalId }),
    },
    clientConfig: { region: key.region },
  });
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}

function perKind<T>(make: (kind: CallKind) => Promise<T>): (kind: CallKind) => Promise<T> {
  const read = once(() => make('read'));
  const mutation = once(() => make('mutation'));
  return (kind) => (kind === 'read' ? read() : mutation());
}
