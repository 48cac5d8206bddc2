import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startSimulator } from '@outrider/simulator/start.ts';
import { eventually } from '../support/processes.ts';
import { type Ambush, createAmbush } from './ambush.ts';
import type { Chance } from './chance.ts';
import { createDaemon, type Daemon } from './daemon.ts';
import { type ApiAccess, call, type Endpoint } from './http-call.ts';
import { lastingPort } from './ports.ts';
import { type ChaosProxy, startProxy } from './proxy.ts';
import type { Pace } from './timings.ts';

export const DELEGATES = ['delegate-a', 'delegate-b', 'delegate-c'] as const;
export type DelegateName = (typeof DELEGATES)[number];

/** Texts that must be nowhere except where they belong. */
export interface Secrets {
  readonly apiKey: string;
  readonly awsSecretKey: string;
  readonly joinTokens: readonly string[];
}

/** An installation as a customer would have it, with a proxy wherever there is a network. */
export interface Installation {
  readonly directory: string;
  readonly aws: Awaited<ReturnType<typeof startSimulator>>;
  readonly ambush: Ambush;
  readonly controlPlane: Daemon;
  readonly delegates: Readonly<Record<DelegateName, Daemon>>;
  /** Between operators and the control plane. */
  readonly operatorProxy: ChaosProxy;
  /** Between each delegate and the control plane. */
  readonly delegateProxies: Readonly<Record<DelegateName, ChaosProxy>>;
  /** Through the proxy, as operators go. */
  readonly api: ApiAccess;
  /** Past the proxy, for the one who looks at the end. */
  readonly directApi: ApiAccess;
  readonly cliEnvironment: Readonly<Record<string, string>>;
  readonly storeFile: string;
  readonly producedDirectory: string;
  readonly secrets: Secrets;
  /** Ends every process that still runs, as gently as possible. */
  stopProcesses(): Promise<void>;
  close(): Promise<void>;
}

const STOP_LIMIT_MS = 20_000;
/** Simulated seconds per second. */
const SPEED = 40;

export async function startInstallation(directory: string, pace: Pace, chance: Chance): Promise<Installation> {
  const parts = await prepare(directory, pace, chance);
  try {
    return await bringUp(parts);
  } catch (thrown) {
    await parts.close();
    throw thrown;
  }
}

type Parts = Omit<Installation, 'api' | 'directApi' | 'cliEnvironment' | 'secrets'> & {
  readonly ports: { readonly http: number; readonly grpc: number };
  readonly apiKey: string;
  readonly awsSecretKey: string;
  readonly joinTokens: Record<DelegateName, string>;
};

async function prepare(directory: string, pace: Pace, chance: Chance): Promise<Parts> {
  const producedDirectory = path.join(directory, 'produced');
  await mkdir(producedDirectory, { recursive: true });
  const ambush = createAmbush();
  const aws = await startSimulator({
    interceptor: ambush.interceptor,
    port: 0,
    agentPort: 0,
    speed: SPEED,
    throttling: true,
    seed: chance.whole(1, 1_000_000),
    clusters: [{ name: 'machines', instances: 4 }, { name: 'fargate' }],
  });
  const ports = { http: await lastingPort(), grpc: await lastingPort() };
  const apiKey = `ok_chaos_${canary(chance, 48)}`;
  const awsSecretKey = `chaos${canary(chance, 35)}`;
  const joinTokens: Record<DelegateName, string> = { 'delegate-a': '', 'delegate-b': '', 'delegate-c': '' };
  const proxies: ChaosProxy[] = [];
  const proxy = async (port: number, name: string) => {
    const made = await startProxy({ port, listenPort: await lastingPort() }, chance.fork(name).number);
    proxies.push(made);
    return made;
  };
  const operatorProxy = await proxy(ports.http, 'operators');
  const delegateProxies = {
    'delegate-a': await proxy(ports.grpc, 'delegate-a'),
    'delegate-b': await proxy(ports.grpc, 'delegate-b'),
    'delegate-c': await proxy(ports.grpc, 'delegate-c'),
  };
  const storeFile = path.join(directory, 'outrider.db');
  const controlPlane = createDaemon({
    name: 'control-plane',
    command: commandOf(pace, 'control-plane'),
    logFile: path.join(directory, 'control-plane.log'),
    env: () => ({
      ...baseEnvironment(),
      OUTRIDER_HTTP_ADDR: `127.0.0.1:${ports.http}`,
      OUTRIDER_GRPC_ADDR: `127.0.0.1:${ports.grpc}`,
      OUTRIDER_STORE: `sqlite:${storeFile}`,
      OUTRIDER_DATA_DIR: path.join(directory, 'control-plane'),
      OUTRIDER_BOOTSTRAP_KEY: apiKey,
    }),
  });
  const delegate = (name: DelegateName) =>
    createDaemon({
      name,
      command: commandOf(pace, 'delegate'),
      logFile: path.join(directory, `${name}.log`),
      env: () => ({
        ...baseEnvironment(),
        OUTRIDER_CONTROL_PLANE: `127.0.0.1:${delegateProxies[name].port}`,
        OUTRIDER_JOIN_TOKEN: joinTokens[name],
        OUTRIDER_DELEGATE_NAME: name,
        OUTRIDER_DATA_DIR: path.join(directory, name),
        // One of them stands behind a proxy that has no streams.
        OUTRIDER_TRANSPORT: name === 'delegate-c' ? 'poll' : 'auto',
        OUTRIDER_POLL_MIN_MS: '50',
        OUTRIDER_POLL_MAX_MS: '300',
        OUTRIDER_ECS_AGENT_PORT: String(aws.agentPort),
        CHAOS_PRODUCED: producedDirectory,
        AWS_ENDPOINT_URL: aws.url,
        AWS_REGION: 'us-east-1',
        // Says whose call it is.
        AWS_ACCESS_KEY_ID: name,
        AWS_SECRET_ACCESS_KEY: awsSecretKey,
      }),
    });
  const delegates = {
    'delegate-a': delegate('delegate-a'),
    'delegate-b': delegate('delegate-b'),
    'delegate-c': delegate('delegate-c'),
  };
  const stopProcesses = async () => {
    const running = [controlPlane, ...Object.values(delegates)];
    for (const daemon of running) daemon.thaw();
    await Promise.all(Object.values(delegates).map((daemon) => daemon.stop(STOP_LIMIT_MS)));
    await controlPlane.stop(STOP_LIMIT_MS);
  };
  const close = async () => {
    await Promise.all([controlPlane, ...Object.values(delegates)].map((daemon) => daemon.kill()));
    await Promise.all(proxies.map((each) => each.close()));
    await aws.close();
  };
  return {
    directory,
    aws,
    ambush,
    controlPlane,
    delegates,
    operatorProxy,
    delegateProxies,
    storeFile,
    producedDirectory,
    ports,
    apiKey,
    awsSecretKey,
    joinTokens,
    stopProcesses,
    close,
  };
}

async function bringUp(parts: Parts): Promise<Installation> {
  const { directory, controlPlane, delegates, ports, apiKey, joinTokens } = parts;
  const caFile = path.join(directory, 'control-plane', 'ca.pem');
  controlPlane.start();
  const access = (port: number): ApiAccess => ({ apiKey, endpoint: endpointOf(port, caFile) });
  const directApi = access(ports.http);
  await eventually('the control plane is ready', () => isReady(directApi));
  for (const name of DELEGATES) {
    const made = await call(directApi, 'POST', '/v1/join-tokens', { body: { delegateName: name, uses: 3 } });
    const token: unknown = made.body['token'];
    if (typeof token !== 'string') throw new Error(`no join token: ${JSON.stringify(made.body)}`);
    joinTokens[name] = token;
    delegates[name].start();
  }
  await eventually('all delegates are connected', async () => {
    const { body } = await call(directApi, 'GET', '/v1/delegates', {});
    const items: unknown = body['items'];
    const connected = Array.isArray(items) ? items.filter((item: { connected: boolean }) => item.connected) : [];
    return connected.length === DELEGATES.length ? true : undefined;
  });
  const { operatorProxy, awsSecretKey } = parts;
  return {
    ...parts,
    api: access(operatorProxy.port),
    directApi,
    cliEnvironment: {
      ...baseEnvironment(),
      OUTRIDER_URL: `https://127.0.0.1:${operatorProxy.port}`,
      OUTRIDER_API_KEY: apiKey,
      OUTRIDER_CA_FILE: caFile,
      XDG_CONFIG_HOME: directory,
    },
    secrets: { apiKey, awsSecretKey, joinTokens: Object.values(joinTokens).map(secretOf) },
  };
}

async function isReady(api: ApiAccess): Promise<true | undefined> {
  return (await call(api, 'GET', '/readyz', {})).status === 200 ? true : undefined;
}

function endpointOf(port: number, caFile: string): Endpoint {
  let ca: string | undefined;
  return {
    port,
    get ca() {
      ca ??= readFileSync(caFile, 'utf8');
      return ca;
    },
  };
}

function commandOf(pace: Pace, what: 'control-plane' | 'delegate'): readonly string[] {
  return [process.execPath, fileURLToPath(new URL(`./${what}.ts`, import.meta.url)), pace.name];
}

function baseEnvironment(): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', NO_COLOR: '1' };
}

/** The part of a join token that nobody but its delegate may know. */
function secretOf(joinToken: string): string {
  return /^ojt_[0-9A-Za-z]+_([^.]+)/.exec(joinToken)?.[1] ?? joinToken;
}

function canary(chance: Chance, length: number): string {
  const letters = 'abcdefghijklmnopqrstuvwxyz0123456789';
  return Array.from({ length }, () => letters[chance.whole(0, letters.length - 1)] ?? '').join('');
}
