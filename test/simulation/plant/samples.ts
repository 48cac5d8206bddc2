import { createResources } from '@outrider/control-plane/app/resources.ts';
import { readDocuments } from '@outrider/control-plane/documents/read-documents.ts';
import { createMemoryStore, type MemorySnapshot } from '@outrider/control-plane/store/memory.ts';
import { FAMILY_TAG, MANAGED_BY_TAG } from '@outrider/delegate/steps/identity.ts';
import { SAMPLE_EXECUTION_ROLE, SAMPLE_SECURITY_GROUPS, SAMPLE_SUBNETS } from '@outrider/simulator/sample-world.ts';
import type { SimulatedAws } from '../aws.ts';
import type { SampleWorkflow } from '../ports.ts';

/** What each sample deploys, and where. */
export interface Sample {
  readonly application: string;
  readonly workflow: string;
  readonly service: string;
}

const APPLICATION = 'sim';

export const SAMPLES: Readonly<Record<SampleWorkflow, Sample>> = {
  'replica-canary': { application: APPLICATION, workflow: 'replica-canary', service: 'shop' },
  'fargate-canary': { application: APPLICATION, workflow: 'fargate-canary', service: 'mail' },
  'rolling-canary': { application: APPLICATION, workflow: 'rolling-canary', service: 'myapp' },
  daemon: { application: APPLICATION, workflow: 'daemon', service: 'agent' },
};

/** Images of new versions begin like this. */
export const NEW_IMAGES = 'registry.example/app';
const OLD_IMAGE = 'registry.example/old:1';

const NETWORK = `network:
    subnets: [${SAMPLE_SUBNETS.join(', ')}]
    securityGroups: [${SAMPLE_SECURITY_GROUPS.join(', ')}]
    assignPublicIp: false`;
const FARGATE = `networkMode: awsvpc
    requiresCompatibilities: [FARGATE]
    cpu: "256"
    memory: "512"
    executionRoleArn: "\${EXECUTION_ROLE}"`;

const DOCUMENTS = `
${head('Environment', 'stage')}
spec: { type: NON_PROD }
---
${head('Infrastructure', 'example')}
spec:
  environment: stage
  region: us-east-1
  cluster: example
  launchType: EC2
  executionRole: ${SAMPLE_EXECUTION_ROLE}
---
${head('Infrastructure', 'fargate')}
spec:
  environment: stage
  region: us-east-1
  cluster: fargate
  launchType: FARGATE
  executionRole: ${SAMPLE_EXECUTION_ROLE}
  ${NETWORK}
---
${head('Service', 'shop')}
spec:
  strategy: REPLICA
  artifact: { image: registry.example/app }
  taskDefinition:
    containerDefinitions:
      - { name: "\${CONTAINER_NAME}", image: "\${DOCKER_IMAGE_NAME}", memory: 128, portMappings: [{ containerPort: 80 }] }
---
${head('Workflow', 'replica-canary')}
spec:
  type: CANARY
  environment: stage
  phases:
    - name: Half
      service: shop
      infrastructure: example
      sections:
        Setup Container:
          - name: Setup
            type: ecs-service-setup
            with:
              instances: { fixed: 2 }
              autoScaler:
                scalableTarget: { MinCapacity: 1, MaxCapacity: 4 }
        Deploy Containers:
          - { name: Upgrade, type: ecs-upgrade-containers, with: { desiredInstances: 50% } }
    - name: All
      service: shop
      infrastructure: example
      sections:
        Deploy Containers:
          - { name: Upgrade, type: ecs-upgrade-containers, with: { desiredInstances: 100% } }
---
${head('Service', 'mail')}
spec:
  artifact: { image: registry.example/app }
  taskDefinition:
    ${FARGATE}
    containerDefinitions:
      - { name: "\${CONTAINER_NAME}", image: "\${DOCKER_IMAGE_NAME}", portMappings: [{ containerPort: 80 }] }
---
${head('Workflow', 'fargate-canary')}
spec:
  type: CANARY
  environment: stage
  phases:
    - name: All
      service: mail
      infrastructure: fargate
      sections:
        Setup Container:
          - { name: Setup, type: ecs-service-setup, with: { instances: { fixed: 1 } } }
        Deploy Containers:
          - { name: Upgrade, type: ecs-upgrade-containers, with: { desiredInstances: 100% } }
---
${head('Service', 'myapp')}
spec:
  artifact: { image: registry.example/app }
  taskDefinition:
    family: myapp-definition
    ${FARGATE}
    containerDefinitions:
      - { name: "\${CONTAINER_NAME}", image: "\${DOCKER_IMAGE_NAME}", portMappings: [{ containerPort: 80 }] }
  serviceDefinition: { serviceName: myapp, desiredCount: 1 }
---
${head('Workflow', 'rolling-canary')}
spec:
  type: CANARY
  environment: stage
  phases:
    - name: Canary
      service: myapp
      infrastructure: fargate
      sections:
        Deploy Containers:
          - { name: Canary, type: ecs-canary-deploy }
          - { name: Delete, type: ecs-canary-delete }
          - { name: Rolling, type: ecs-rolling-deploy }
---
${head('Service', 'agent')}
spec:
  strategy: DAEMON
  artifact: { image: registry.example/app }
  taskDefinition:
    containerDefinitions:
      - { name: "\${CONTAINER_NAME}", image: "\${DOCKER_IMAGE_NAME}", memory: 64 }
---
${head('Workflow', 'daemon')}
spec:
  type: BASIC
  environment: stage
  phases:
    - { name: Daemon, service: agent, infrastructure: example }
`;

function head(kind: string, name: string): string {
  return `apiVersion: outrider/v1
kind: ${kind}
metadata: { application: ${APPLICATION}, name: ${name} }`;
}

/** A store that knows the samples and nothing else: made once, as reading documents takes longer than a history may. */
export const STORE_WITH_SAMPLES: MemorySnapshot = await storeWithSamples();

async function storeWithSamples(): Promise<MemorySnapshot> {
  const store = createMemoryStore();
  const resources = createResources({ store, clock: { now: () => Date.UTC(2026, 0, 1) } });
  await resources.apply(readDocuments([{ name: 'samples.yaml', text: DOCUMENTS }], undefined), 'simulation');
  return store.snapshot();
}

/** What ran before anybody deployed: an older version of the shop with auto scaling, and of myapp. `secret` is theirs alone. */
export function prepareWorld(aws: SimulatedAws, secret: string): void {
  const environment = [{ name: 'DATABASE_PASSWORD', value: secret }];
  const family = `${APPLICATION}__shop__stage`;
  aws.call('ecs', 'RegisterTaskDefinition', {
    family,
    containerDefinitions: [{ name: 'app', image: OLD_IMAGE, memory: 128, environment }],
  });
  const shop = `${family}__1`;
  aws.call('ecs', 'CreateService', {
    cluster: 'example',
    serviceName: shop,
    taskDefinition: `${family}:1`,
    desiredCount: 2,
    clientToken: 'first-shop',
    tags: ownedBy(family),
  });
  aws.call('autoscaling', 'RegisterScalableTarget', {
    ServiceNamespace: 'ecs',
    ScalableDimension: 'ecs:service:DesiredCount',
    ResourceId: `service/example/${shop}`,
    MinCapacity: 1,
    MaxCapacity: 3,
  });
  aws.call('ecs', 'RegisterTaskDefinition', {
    family: 'myapp-definition',
    networkMode: 'awsvpc',
    requiresCompatibilities: ['FARGATE'],
    cpu: '256',
    memory: '512',
    executionRoleArn: SAMPLE_EXECUTION_ROLE,
    containerDefinitions: [{ name: 'app', image: OLD_IMAGE, environment }],
  });
  aws.call('ecs', 'CreateService', {
    cluster: 'fargate',
    serviceName: 'myapp',
    taskDefinition: 'myapp-definition:1',
    desiredCount: 1,
    launchType: 'FARGATE',
    clientToken: 'first-myapp',
    tags: ownedBy('myapp'),
    networkConfiguration: {
      awsvpcConfiguration: { subnets: SAMPLE_SUBNETS, securityGroups: SAMPLE_SECURITY_GROUPS },
    },
  });
}

function ownedBy(family: string): readonly object[] {
  return [
    { key: MANAGED_BY_TAG, value: 'outrider' },
    { key: FAMILY_TAG, value: family },
  ];
}
