import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SAMPLE_CLUSTERS } from '@outrider/simulator/sample-world.ts';
import { type SimulatorOptions, startSimulator } from '@outrider/simulator/start.ts';
import { eventually, type Finished, freePort, type Running, startOutrider } from './processes.ts';

export const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url));

/** Simulated seconds per second. */
export const SPEED = 60;

type Simulator = Awaited<ReturnType<typeof startSimulator>>;

/**
 * Everything an installation consists of, as an operator would run it: control plane and delegates are processes of
 * their own, the simulated AWS lives in the test so that it survives them and can be asked what really happened.
 */
export interface Stack {
  readonly aws: Simulator;
  readonly apiUrl: string;
  /** Runs a command to its end. */
  outrider(...args: readonly string[]): Promise<Finished>;
  /** Starts a command and leaves it running. */
  start(...args: readonly string[]): Running;
  get(path: string): Promise<unknown>;
  readonly controlPlane: { kill(): Promise<void>; start(): Promise<void>; log(): string };
  delegate(name: string): DelegateProcess;
  close(): Promise<void>;
}

export interface DelegateProcess {
  kill(): Promise<void>;
  /** SIGTERM, and the end that comes of it; undefined: it was not running. */
  end(): Promise<Finished | undefined>;
  start(): Promise<void>;
  log(): string;
}

export interface StackOptions {
  readonly simulator?: Partial<SimulatorOptions>;
  /** Delegates by name with their tags. */
  readonly delegates?: Readonly<Record<string, readonly string[]>>;
  /** Puts something between the delegates and the control plane at this port; answers the port that they dial. */
  readonly between?: (controlPlanePort: number) => Promise<number>;
}

export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const directory = await mkdtemp(join(tmpdir(), 'outrider-scenario-'));
  const aws = await startSimulator({
    port: 0,
    agentPort: 0,
    speed: SPEED,
    throttling: false,
    seed: 7,
    clusters: SAMPLE_CLUSTERS,
    ...options.simulator,
  });
  const httpPort = await freePort();
  const grpcPort = await freePort();
  const apiUrl = `http://127.0.0.1:${httpPort}`;
  const grpc = `127.0.0.1:${grpcPort}`;
  const dialled = `127.0.0.1:${(await options.between?.(grpcPort)) ?? grpcPort}`;
  const cliEnv = { OUTRIDER_URL: apiUrl, OUTRIDER_INSECURE: '1', XDG_CONFIG_HOME: directory };
  const running: Running[] = [];

  const controlPlane = processHandle(running, () =>
    startOutrider(['control-plane'], {
      OUTRIDER_INSECURE: '1',
      OUTRIDER_HTTP_ADDR: `127.0.0.1:${httpPort}`,
      OUTRIDER_GRPC_ADDR: grpc,
      OUTRIDER_STORE: `sqlite:${join(directory, 'outrider.db')}`,
      OUTRIDER_DATA_DIR: join(directory, 'control-plane'),
    }),
  );
  const readyz = async () => ((await fetch(`${apiUrl}/readyz`)).ok ? true : undefined);

  const delegates = new Map<string, ReturnType<typeof processHandle>>();
  for (const [name, tags] of Object.entries(options.delegates ?? { 'vpc-stage': ['vpc-stage'] })) {
    delegates.set(
      name,
      processHandle(running, () =>
        startOutrider(['delegate'], {
          OUTRIDER_INSECURE: '1',
          OUTRIDER_CONTROL_PLANE: dialled,
          OUTRIDER_DELEGATE_NAME: name,
          OUTRIDER_DELEGATE_TAGS: tags.join(','),
          OUTRIDER_DATA_DIR: join(directory, `delegate-${name}`),
          OUTRIDER_POLL_MIN_MS: '20',
          OUTRIDER_POLL_MAX_MS: '100',
          OUTRIDER_ECS_AGENT_PORT: String(aws.agentPort),
          AWS_ENDPOINT_URL: aws.url,
          AWS_REGION: 'us-east-1',
          AWS_ACCESS_KEY_ID: 'simulated',
          AWS_SECRET_ACCESS_KEY: 'simulated',
        }),
      ),
    );
  }

  const stack: Stack = {
    aws,
    apiUrl,
    outrider: (...args) => track(running, startOutrider(args, cliEnv)).finished,
    start: (...args) => track(running, startOutrider(args, cliEnv)),
    get: async (path) => {
      const answer = await fetch(`${apiUrl}${path}`);
      assert.ok(answer.ok, `${path} answers ${answer.status}`);
      return answer.json();
    },
    controlPlane: {
      kill: () => controlPlane.kill(),
      log: () => controlPlane.log(),
      start: async () => {
        controlPlane.begin();
        await eventually('the control plane is ready', readyz);
      },
    },
    delegate: (name) => {
      const handle = delegates.get(name);
      assert.ok(handle, `no delegate ${name}`);
      return {
        kill: () => handle.kill(),
        end: () => handle.end(),
        log: () => handle.log(),
        start: async () => {
          handle.begin();
          await eventually(`${name} is connected`, () => connected(stack, name));
        },
      };
    },
    close: async () => {
      await Promise.all(running.map((process) => process.end('SIGKILL')));
      await aws.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
  try {
    await stack.controlPlane.start();
    for (const name of delegates.keys()) await stack.delegate(name).start();
  } catch (error) {
    const logs = [controlPlane.log(), ...[...delegates.values()].map((handle) => handle.log())].join('\n');
    await stack.close();
    throw new Error(`the stack does not start:\n${logs}`, { cause: error });
  }
  return stack;
}

async function connected(stack: Stack, name: string): Promise<true | undefined> {
  const list = await stack.get('/v1/delegates');
  const text = JSON.stringify(list);
  if (!text.includes(`"${name}"`)) return undefined;
  const one = JSON.stringify(await stack.get(`/v1/delegates/${encodeURIComponent(name)}`));
  return one.includes('"connected":true') ? true : undefined;
}

function track(running: Running[], process: Running): Running {
  running.push(process);
  return process;
}

function processHandle(running: Running[], begin: () => Running) {
  let current: Running | undefined;
  const said: string[] = [];
  const end = async (signal: NodeJS.Signals) => {
    if (current === undefined) return undefined;
    const finished = await current.end(signal);
    said.push(finished.stdout, finished.stderr);
    current = undefined;
    return finished;
  };
  return {
    begin: () => {
      current = track(running, begin());
    },
    kill: async () => void (await end('SIGKILL')),
    end: () => end('SIGTERM'),
    log: () => [...said, current?.stdout() ?? '', current?.stderr() ?? ''].join(''),
  };
}
