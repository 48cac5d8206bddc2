import type { ApplicationAutoScalingClient } from '@aws-sdk/client-application-auto-scaling';
import type { ECSClient } from '@aws-sdk/client-ecs';
import type { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { AwsRequest } from '@outrider/delegate/agent/runner.ts';
import type { AwsClients, CallKind } from '@outrider/delegate/aws/clients.ts';
import { createAws } from '@outrider/delegate/aws/index.ts';
import type { Aws, ContainerMetadata } from '@outrider/delegate/aws/ports.ts';
import { autoScalingSdk, ecsSdk, loadBalancingSdk } from '@outrider/delegate/aws/sdk.ts';
import { type AgentAnswer, createIntrospection, ECS_AGENT_PORT } from '@outrider/delegate/ecs-agent/introspection.ts';
import type { TaskRef } from '@outrider/shared/protocol/messages.ts';
import { answerAgent } from '@outrider/simulator/agent-endpoint/answer-agent.ts';
import { addCluster } from '@outrider/simulator/ecs/clusters.ts';
import { SAMPLE_ACCOUNT, SAMPLE_CLUSTERS, SAMPLE_REGION } from '@outrider/simulator/sample-world.ts';
import type { ClusterOptions } from '@outrider/simulator/start.ts';
import type { ServiceName } from '@outrider/simulator/validation/models.ts';
import { callDirectly, directOperation } from '@outrider/simulator/wire/direct-call.ts';
import { Quotas } from '@outrider/simulator/wire/quotas.ts';
import { SimulatedClock } from '@outrider/simulator/world/clock.ts';
import type { Fault } from '@outrider/simulator/world/faults.ts';
import { addInstance } from '@outrider/simulator/world/instances.ts';
import { emptyState, type WorldState } from '@outrider/simulator/world/state.ts';
import { World } from '@outrider/simulator/world/world.ts';
import { type AwsCall, AwsCalls, type CallHooks, type CallRates } from './aws-calls.ts';
import type { HostClock } from './host-clock.ts';
import { MutationJournal } from './mutation-journal.ts';
import type { Scheduler } from './scheduler.ts';

export interface SimulatedAwsOptions {
  /** Default: those of `outrider dev`: `example` with three container instances, and `fargate`. */
  readonly clusters?: readonly ClusterOptions[];
  /** AWS's published request quotas. Default true. */
  readonly quotas?: boolean;
  readonly rates?: Partial<CallRates>;
  readonly hooks?: CallHooks;
}

/** A simulated AWS in this process on the scheduler's time. */
export interface SimulatedAws {
  /** Every change that took effect, in order. */
  readonly journal: MutationJournal;
  readonly calls: AwsCalls;
  /** The world as it is now. Do not change it. */
  state(): WorldState;
  /** `RunnerOptions.awsFor` of one delegate process: the real ports over calls that its host makes. */
  awsFor(host: HostClock): (request: AwsRequest) => Aws;
  /** `RunnerOptions.metadata` of one delegate process. */
  metadataFor(host: HostClock): ContainerMetadata;
  /** A call of nobody in particular: at once, without faults, not in the journal. For preparing and looking. Throws AwsError. */
  call(service: ServiceName, operation: string, input: object): object;
  /** A fault of the world itself (images, capacity, an autoscaler), from now on; answers its id. */
  addFault(fault: Fault): string;
  removeFault(id: string): void;
  /** How likely calls go wrong from now on; what is not named does not. */
  setRates(rates: Partial<CallRates>): void;
}

// Loading takes real time, which no event waits for: all of it is there before anything is simulated.
await Promise.all([ecsSdk(), autoScalingSdk(), loadBalancingSdk()]);

/** Nobody listens there: the clock is moved by hand. */
const NO_REAL_TIME = { now: () => 0, setTimer: () => () => {} };

export function createSimulatedAws(scheduler: Scheduler, options: SimulatedAwsOptions = {}): SimulatedAws {
  const random = scheduler.random.fork('aws');
  const world = new World(
    emptyState({
      region: SAMPLE_REGION,
      accountId: SAMPLE_ACCOUNT,
      startTime: scheduler.now(),
      seed: random.fork('world').bits(),
    }),
  );
  const clock = new SimulatedClock(world, { kind: 'manual' }, NO_REAL_TIME);
  // What the world does by itself is seen by calls alone: it is enough to bring it up to the present before each of them.
  const catchUp = (): void => clock.advance(Math.max(0, scheduler.now() - world.now));
  for (const cluster of options.clusters ?? SAMPLE_CLUSTERS) prepareCluster(world, cluster);
  const context = { world, quotas: options.quotas === false ? undefined : new Quotas() };
  const journal = new MutationJournal();
  const calls = new AwsCalls({
    scheduler,
    random: random.fork('calls'),
    context,
    catchUp,
    journal,
    hooks: options.hooks ?? {},
  });
  calls.setRates(options.rates ?? {});
  return {
    journal,
    calls,
    state() {
      catchUp();
      return world.state;
    },
    awsFor(host) {
      const chance = random.fork(`retries of ${host.name}`);
      return ({ ref, task, gate, signal, sleep }) => {
        const { region, assumeRole } = task.target;
        const clients = clientsFor(calls, host, ref);
        return createAws({ clients, region, assumeRole, gate, signal, tools: { sleep, random: () => chance.unit() } });
      };
    },
    metadataFor: (host) =>
      createIntrospection({
        port: ECS_AGENT_PORT,
        clock: host,
        ask: (url) =>
          askAgent(host, url, (instance, path) => {
            catchUp();
            const found = Object.values(world.state.instances).find((one) => one.privateAddress === instance);
            return found === undefined ? undefined : answerAgent(world, found, path);
          }),
      }),
    call(service, operation, input) {
      catchUp();
      return callDirectly({ world, quotas: undefined }, directOperation(service, operation), input);
    },
    addFault(fault) {
      catchUp();
      const faultId = world.faults.add(fault);
      if (fault.kind === 'autoscaler') {
        world.schedule((fault.everySeconds ?? 60) * 1_000, { kind: 'autoscaler', faultId });
      }
      return faultId;
    },
    removeFault(id) {
      catchUp();
      world.faults.remove(id);
    },
    setRates: (rates) => calls.setRates(rates),
  };
}

function prepareCluster(world: World, cluster: ClusterOptions): void {
  addCluster(world, cluster.name, { capacityProviders: ['FARGATE', 'FARGATE_SPOT'] });
  for (let count = 0; count < (cluster.instances ?? 0); count++) addInstance(world, cluster.name, cluster.instance);
}

/** SDK clients whose calls are made by this host under this offer. */
function clientsFor(calls: AwsCalls, host: HostClock, ref: TaskRef): AwsClients {
  const client = (service: ServiceName, kind: CallKind): unknown => ({
    send: (command: unknown, options?: { readonly abortSignal?: AbortSignal }) => {
      const { operation, input } = callOf(command);
      return calls.send(awsCall(service, operation, input, host, ref), kind, options?.abortSignal);
    },
  });
  return {
    forAccount: ({ region }) => ({
      region,
      // The compiler cannot follow which answer belongs to which command; the simulator's models see to it.
      ecs: async (kind) => client('ecs', kind) as Pick<ECSClient, 'send'>,
      autoScaling: async (kind) => client('autoscaling', kind) as Pick<ApplicationAutoScalingClient, 'send'>,
      loadBalancing: async () => client('elbv2', 'read') as Pick<ElasticLoadBalancingV2Client, 'send'>,
      askEc2: async (body, signal) => {
        const call = awsCall('ec2', 'DescribeInstances', describeInstancesInput(body), host, ref);
        const answer = await calls.send(call, 'mutation', signal);
        return typeof answer === 'string' ? answer : '';
      },
      askLogs: async (operation, body, signal) => {
        const input: unknown = JSON.parse(body);
        const asked = typeof input === 'object' && input !== null ? input : {};
        return JSON.stringify(await calls.send(awsCall('logs', operation, asked, host, ref), 'mutation', signal));
      },
    }),
    destroy() {},
  };
}

function awsCall(service: ServiceName, operation: string, input: object, host: HostClock, ref: TaskRef): AwsCall {
  const { mutates } = directOperation(service, operation).operation;
  return { service, operation, mutates, input, host, ref };
}

/** An SDK command carries its operation's schema: `[kind, namespace, name, …]`. */
function callOf(command: unknown): { operation: string; input: object } {
  if (typeof command === 'object' && command !== null && 'schema' in command && 'input' in command) {
    const { schema, input } = command;
    const operation: unknown = Array.isArray(schema) ? schema[2] : undefined;
    if (typeof operation === 'string' && typeof input === 'object' && input !== null) return { operation, input };
  }
  throw new TypeError('this is no command of the AWS SDK');
}

function describeInstancesInput(body: string): object {
  const parameters = new URLSearchParams(body);
  const ids = [...parameters].filter(([name]) => name.startsWith('Filter.1.Value.')).map(([, value]) => value);
  const token = parameters.get('NextToken');
  return {
    Filters: [{ Name: parameters.get('Filter.1.Name') ?? '', Values: ids }],
    ...(token === null ? {} : { NextToken: token }),
  };
}

const AGENT_LATENCY_MS = 2;

async function askAgent(
  host: HostClock,
  url: string,
  answerOf: (instance: string, path: string) => { readonly status: number; readonly body: string } | undefined,
): Promise<AgentAnswer> {
  return await new Promise((resolve) => {
    host.deliver(
      AGENT_LATENCY_MS,
      () => {
        const { hostname, pathname, search } = new URL(url);
        const answer = answerOf(hostname, `${pathname}${search}`);
        if (answer === undefined) resolve({ kind: 'silent', why: 'UND_ERR_SOCKET' });
        else if (answer.status === 200) resolve({ kind: 'answered', body: answer.body });
        else resolve({ kind: 'refused', why: `it answers with HTTP status ${answer.status}` });
      },
      'ecs agent',
    );
  });
}
