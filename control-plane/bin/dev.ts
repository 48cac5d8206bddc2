import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type DelegateHandle, delegateConfig, startDelegate } from '@outrider/delegate/main.ts';
import { OutriderError } from '@outrider/shared/errors.ts';
import { clientEnvironment, SAMPLE_ACCOUNT, SAMPLE_CLUSTERS, SAMPLE_REGION } from '@outrider/simulator/sample-world.ts';
import { type Simulator, type SimulatorOptions, startSimulator } from '@outrider/simulator/start.ts';
import { pino } from 'pino';
import type { DevOptions } from '../src/cli/commands/processes.ts';
import { DEFAULT_URL } from '../src/cli/context.ts';
import type { CliIo } from '../src/cli/io.ts';
import { type ControlPlaneConfig, controlPlaneConfig } from '../src/config.ts';
import { type ControlPlane, startControlPlane } from '../src/main.ts';
import { versionText } from '../src/version.ts';
import { untilInterrupted } from './processes.ts';
import { deploySample, type SampleResult, waitForDelegate } from './sample.ts';

/** Simulated seconds in a real one, when nobody says. */
const DEFAULT_SPEED = 10;
/** While the sample's first version is deployed, nobody watches: the simulated world hurries. */
const HURRIED_SPEED = 200;
/** Running steps are handed back, not waited for: the next start takes them up again. */
const STOP_LIMIT_MS = 2_000;
/** The simulated tasks start that much faster, so they are looked at more often. */
const POLL = { OUTRIDER_POLL_MIN_MS: '100', OUTRIDER_POLL_MAX_MS: '1000' };

/**
 * `outrider dev`: control plane, delegate and a simulated AWS in one process, talking over real sockets. Store and
 * simulated world are kept together, or neither is.
 */
export async function runDev(options: DevOptions, io: CliIo): Promise<number> {
  const interrupted = untilInterrupted(io);
  const undo: (() => Promise<unknown>)[] = [];
  try {
    await start(options, io, undo);
    await interrupted;
    io.stderr.write('stopping …\n');
  } finally {
    for (const step of undo.toReversed()) await step();
  }
  return 0;
}

async function start(options: DevOptions, io: CliIo, undo: (() => Promise<unknown>)[]): Promise<void> {
  const directory = await dataDirectory(options, undo);
  const config = devConfig(options, directory, io);
  const logger = pino({ level: config.logLevel }, pino.destination({ dest: 2, sync: true }));
  io.stderr.write('starting …\n');
  const controlPlane = await startControlPlane(config, { logger }).catch((thrown: unknown) => {
    throw withFlags(OutriderError.from(thrown));
  });
  undo.push(() => controlPlane.close());
  const simulator = options.aws === 'simulated' ? await devSimulator(options, directory, io) : undefined;
  if (simulator !== undefined) undo.push(() => simulator.close());
  const delegate = await devDelegate(controlPlane, directory, simulator, io);
  undo.push(() => delegate.stop(STOP_LIMIT_MS));
  await waitForDelegate(controlPlane.httpUrl);
  const sample =
    simulator === undefined ? undefined : await hurriedly(simulator, () => deploySample(controlPlane.httpUrl, io));
  io.stdout.write(greeting({ options, controlPlane, simulator, directory, sample }));
  if (options.open === true) openPage(controlPlane.httpUrl);
}

async function dataDirectory(options: DevOptions, undo: (() => Promise<unknown>)[]): Promise<string> {
  if (options.memory === true) {
    const directory = await mkdtemp(path.join(tmpdir(), 'outrider-dev-'));
    undo.push(() => rm(directory, { recursive: true, force: true }));
    return directory;
  }
  const directory = path.resolve(options.data ?? '.outrider');
  try {
    await mkdir(directory, { recursive: true });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new OutriderError('configuration-invalid', `--data: ${why}`, {
      hint: 'Name a folder that can be written.',
      cause,
    });
  }
  return directory;
}

/** What the environment says of the control plane counts here too, but for what makes it the one of this machine alone. */
function devConfig(options: DevOptions, directory: string, { env }: CliIo): ControlPlaneConfig {
  return controlPlaneConfig({
    ...env,
    OUTRIDER_HTTP_ADDR: options.http,
    OUTRIDER_GRPC_ADDR: options.grpc,
    OUTRIDER_STORE: options.memory === true ? 'memory:' : `sqlite:${path.join(directory, 'outrider.db')}`,
    OUTRIDER_DATA_DIR: directory,
    OUTRIDER_INSECURE: '1',
    OUTRIDER_LOG_LEVEL: env['OUTRIDER_LOG_LEVEL'] ?? 'error',
  });
}

async function devSimulator(options: DevOptions, directory: string, { env, stderr }: CliIo): Promise<Simulator> {
  const world: SimulatorOptions = {
    region: SAMPLE_REGION,
    accountId: SAMPLE_ACCOUNT,
    clusters: SAMPLE_CLUSTERS,
    speed: options.speed ?? DEFAULT_SPEED,
    ...(options.memory === true ? {} : { dataFile: path.join(directory, 'simulated-aws.json') }),
  };
  try {
    return await startSimulator(world);
  } catch (thrown) {
    if (!isAddressInUse(thrown) || env['OUTRIDER_ECS_AGENT_PORT'] !== undefined) throw thrown;
    stderr.write('The port of the ECS agent is in use here; the simulated agents take another one.\n');
    return await startSimulator({ ...world, agentPort: 0 });
  }
}

/** The addresses of `dev` are flags and not variables. */
function withFlags(error: OutriderError): OutriderError {
  if (error.code !== 'configuration-invalid' || !/in use|EADDRINUSE|cannot be bound/.test(error.message)) return error;
  return new OutriderError(error.code, error.message, {
    hint: 'Does another `outrider dev` run? Else take other addresses: outrider dev --http 127.0.0.1:8900 --grpc 127.0.0.1:8901',
    cause: error,
  });
}

function isAddressInUse(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'EADDRINUSE';
}

async function devDelegate(
  controlPlane: ControlPlane,
  directory: string,
  simulator: Simulator | undefined,
  { env }: CliIo,
): Promise<DelegateHandle> {
  // The AWS SDK reads its settings from the environment of the process, and the delegate knows of no simulator.
  if (simulator !== undefined) Object.assign(process.env, clientEnvironment(simulator));
  const environment = {
    ...(simulator === undefined ? {} : POLL),
    OUTRIDER_DELEGATE_NAME: 'dev',
    ...env,
    ...(simulator === undefined ? {} : clientEnvironment(simulator)),
    OUTRIDER_CONTROL_PLANE: controlPlane.grpcAddress,
    OUTRIDER_DATA_DIR: directory,
    OUTRIDER_INSECURE: '1',
    OUTRIDER_LOG_LEVEL: env['OUTRIDER_LOG_LEVEL'] ?? 'error',
  };
  const config = delegateConfig(environment);
  const logger = pino(
    { level: config.logLevel, base: { delegate: config.name } },
    pino.destination({ dest: 2, sync: true }),
  );
  return await startDelegate(config, { logger, environment });
}

async function hurriedly<T>(simulator: Simulator, act: () => Promise<T>): Promise<T> {
  const { mode } = simulator.clock;
  if (mode.kind === 'running') simulator.clock.setMode({ kind: 'running', speed: Math.max(mode.speed, HURRIED_SPEED) });
  try {
    return await act();
  } finally {
    simulator.clock.setMode(mode);
  }
}

function greeting(started: {
  readonly options: DevOptions;
  readonly controlPlane: ControlPlane;
  readonly simulator: Simulator | undefined;
  readonly directory: string;
  readonly sample: SampleResult | undefined;
}): string {
  const { options, controlPlane, simulator, directory, sample } = started;
  const environment = controlPlane.httpUrl === DEFAULT_URL ? '' : `OUTRIDER_URL=${controlPlane.httpUrl} `;
  const aws =
    simulator === undefined
      ? 'AWS            the real one, with the credentials of this environment'
      : `simulated AWS  ${simulator.url}   ${options.speed ?? DEFAULT_SPEED} times as fast; nothing touches the real one`;
  const lines = [
    '',
    `Outrider ${versionText()}`,
    '',
    `  page and API   ${controlPlane.httpUrl}`,
    `  delegates      ${controlPlane.grpcAddress}`,
    `  ${aws}`,
    `  kept in        ${options.memory === true ? 'memory, until this process ends' : directory}`,
    '',
  ];
  if (sample === undefined) lines.push('Store your own resources:', `  ${environment}npx outrider apply -f DIRECTORY`);
  else lines.push(sample.said, '', 'Deploy a new version:', `  ${environment}npx outrider ${sample.next}`);
  return `${lines.join('\n')}\n\nCtrl-C stops everything.\n`;
}

function openPage(url: string): void {
  const command = process.platform === 'darwin' ? 'open' : process.platform === 'win32' ? 'explorer' : 'xdg-open';
  // Where there is no browser, the address stands on the screen.
  spawn(command, [url], { stdio: 'ignore', detached: true })
    .on('error', () => undefined)
    .unref();
}
