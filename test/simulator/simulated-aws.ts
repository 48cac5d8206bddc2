import { ApplicationAutoScalingClient } from '@aws-sdk/client-application-auto-scaling';
import {
  CreateServiceCommand,
  type CreateServiceCommandInput,
  DescribeServicesCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
  type RegisterTaskDefinitionCommandInput,
  type Service,
} from '@aws-sdk/client-ecs';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { SAMPLE_CREDENTIALS, SAMPLE_REGION } from '@outrider/simulator/sample-world.ts';
import { type Simulator, type SimulatorOptions, startSimulator } from '@outrider/simulator/start.ts';

/** A simulator with real AWS clients on it. The clock stands still unless a test moves it. */
export interface SimulatedAws {
  readonly simulator: Simulator;
  readonly ecs: ECSClient;
  readonly elb: ElasticLoadBalancingV2Client;
  readonly scaling: ApplicationAutoScalingClient;
  /** Simulated seconds. */
  readonly advance: (seconds: number) => void;
  readonly close: () => Promise<void>;
}

export async function startSimulatedAws(options: SimulatorOptions = {}, maxAttempts = 1): Promise<SimulatedAws> {
  const simulator = await startSimulator({
    speed: 'manual',
    agentPort: 0,
    throttling: false,
    clusters: [{ name: 'example', instances: 3 }, { name: 'fargate' }],
    ...options,
  });
  const client = { endpoint: simulator.url, region: SAMPLE_REGION, credentials: SAMPLE_CREDENTIALS, maxAttempts };
  const ecs = new ECSClient(client);
  const elb = new ElasticLoadBalancingV2Client(client);
  const scaling = new ApplicationAutoScalingClient(client);
  return {
    simulator,
    ecs,
    elb,
    scaling,
    advance: (seconds) => simulator.control.advance(seconds * 1000),
    close: async () => {
      for (const one of [ecs, elb, scaling]) one.destroy();
      await simulator.close();
    },
  };
}

/** A task definition of one nginx container. */
export async function registerWeb(
  aws: SimulatedAws,
  image = 'nginx:1',
  more: Partial<RegisterTaskDefinitionCommandInput> = {},
): Promise<string> {
  const output = await aws.ecs.send(
    new RegisterTaskDefinitionCommand({
      family: 'web',
      containerDefinitions: [{ name: 'web', image, memory: 256, cpu: 128, portMappings: [{ containerPort: 80 }] }],
      ...more,
    }),
  );
  return output.taskDefinition?.taskDefinitionArn ?? '';
}

/** The same for Fargate. */
export async function registerFargate(aws: SimulatedAws, image = 'nginx:1'): Promise<string> {
  return await registerWeb(aws, image, {
    networkMode: 'awsvpc',
    requiresCompatibilities: ['FARGATE'],
    cpu: '256',
    memory: '512',
  });
}

export const NETWORK = {
  awsvpcConfiguration: { subnets: ['subnet-0a1b2c3d'], securityGroups: ['sg-0a1b2c3d'] },
};

/** Creates service `web` in cluster `example`. */
export async function createWeb(
  aws: SimulatedAws,
  taskDefinition: string,
  more: Partial<CreateServiceCommandInput> = {},
): Promise<Service> {
  const input = { cluster: 'example', serviceName: 'web', taskDefinition, desiredCount: 2, ...more };
  const output = await aws.ecs.send(new CreateServiceCommand(input));
  if (output.service === undefined) throw new Error('CreateService answered without a service');
  return output.service;
}

/** The service as it is now. */
export async function describe(aws: SimulatedAws, service = 'web', cluster = 'example'): Promise<Service> {
  const output = await aws.ecs.send(new DescribeServicesCommand({ cluster, services: [service], include: ['TAGS'] }));
  const found = output.services?.[0];
  if (found === undefined) throw new Error(`There is no service ${service}`);
  return found;
}

/** Event texts without the leading service name and with ids cut out, oldest first. */
export function eventTexts(service: Service): string[] {
  return (service.events ?? [])
    .map(({ message = '' }) =>
      message
        .replace(/^\(service [^)]+\) /, '')
        .replaceAll(/\b[0-9a-f]{32}\b/g, 'ID')
        .replaceAll(/ecs-svc\/\d+/g, 'ecs-svc/N'),
    )
    .toReversed();
}

const MAX_WAIT_MILLISECONDS = 5_000;

/** Lets the process go on until something is so. Throws when it does not become so within five seconds. */
export async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + MAX_WAIT_MILLISECONDS;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`This did not come true: ${holds.toString()}`);
    await new Promise(setImmediate);
  }
}
