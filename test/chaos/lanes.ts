/** One service with everything that is deployed of it, one execution after the other. */
export interface Lane {
  readonly name: string;
  readonly kind: 'replica' | 'rolling';
  readonly workflow: string;
  readonly service: string;
  readonly cluster: string;
  /** Stem of its ECS services' names; no stem is the beginning of another. */
  readonly stem: string;
  readonly repository: string;
  /** Instances of a whole deployment. */
  readonly total: number;
  readonly scaling: { readonly min: number; readonly max: number; readonly policy: string } | undefined;
}

export const APPLICATION = 'Chaos';
const ENVIRONMENT = 'chaos';
const ROLE = 'arn:aws:iam::123456789012:role/ecsTaskExecutionRole';

export const LANES: readonly Lane[] = [
  replica('web', 'machines', 2),
  replica('api', 'machines', 4),
  replica('queue', 'fargate', 3),
  { ...replica('scaled', 'fargate', 2), scaling: { min: 2, max: 5, policy: 'chaos-cpu' } },
  {
    name: 'front',
    kind: 'rolling',
    workflow: 'front',
    service: 'front',
    cluster: 'fargate',
    stem: 'chaosfront',
    repository: 'chaos/front',
    total: 2,
    scaling: undefined,
  },
];

function replica(name: string, cluster: string, total: number): Lane {
  return {
    name,
    kind: 'replica',
    workflow: name,
    service: name,
    cluster,
    stem: `chaos_${name}`,
    repository: `chaos/${name}`,
    total,
    scaling: undefined,
  };
}

/** The documents that an operator applies for all lanes. */
export function documents(lanes: readonly Lane[]): readonly unknown[] {
  return [
    document('Environment', ENVIRONMENT, { type: 'NON_PROD' }),
    infrastructure('machines', { launchType: 'EC2' }),
    infrastructure('fargate', {
      launchType: 'FARGATE',
      network: {
        subnets: ['subnet-0a1b2c3d4e5f60711', 'subnet-0a1b2c3d4e5f60712'],
        securityGroups: ['sg-0a1b2c3d4e5f60721'],
        assignPublicIp: false,
      },
    }),
    ...lanes.flatMap((lane) => [serviceOf(lane), workflowOf(lane)]),
  ];
}

function document(kind: string, name: string, spec: object): unknown {
  return { apiVersion: 'outrider/v1', kind, metadata: { application: APPLICATION, name }, spec };
}

function infrastructure(cluster: string, how: object): unknown {
  const where = { environment: ENVIRONMENT, region: 'us-east-1', cluster, executionRole: ROLE };
  return document('Infrastructure', cluster, { ...where, ...how });
}

function serviceOf(lane: Lane): unknown {
  const container = {
    name: '${CONTAINER_NAME}',
    image: '${DOCKER_IMAGE_NAME}',
    memory: 128,
    portMappings: [{ containerPort: 80 }],
  };
  const sized =
    lane.cluster === 'fargate'
      ? { networkMode: 'awsvpc', requiresCompatibilities: ['FARGATE'], cpu: '256', memory: '512' }
      : {};
  const named = lane.kind === 'rolling' ? { family: lane.stem } : {};
  const serviceDefinition = lane.kind === 'rolling' ? { serviceName: lane.stem, desiredCount: lane.total } : {};
  return document('Service', lane.service, {
    artifact: { image: lane.repository },
    taskDefinition: { ...named, ...sized, executionRoleArn: '${EXECUTION_ROLE}', containerDefinitions: [container] },
    serviceDefinition,
  });
}

function workflowOf(lane: Lane): unknown {
  const phase = (name: string, sections: object) => ({
    name,
    service: lane.service,
    infrastructure: lane.cluster,
    sections,
  });
  const phases =
    lane.kind === 'rolling'
      ? [
          phase('Canary', {
            'Deploy Containers': [
              { name: 'Canary Deploy', type: 'ecs-canary-deploy' },
              { name: 'Canary Delete', type: 'ecs-canary-delete' },
              { name: 'Rolling Deploy', type: 'ecs-rolling-deploy' },
            ],
          }),
        ]
      : [
          phase('Phase 1', { 'Setup Container': [setupOf(lane)], 'Deploy Containers': [upgrade('50%')] }),
          phase('Phase 2', { 'Deploy Containers': [upgrade('100%')] }),
        ];
  return document('Workflow', lane.workflow, {
    type: 'CANARY',
    environment: ENVIRONMENT,
    phases,
    failureStrategies: [{ failureTypes: ['any'], action: 'rollback-workflow' }],
  });
}

function upgrade(desiredInstances: string): unknown {
  return { name: 'Upgrade Containers', type: 'ecs-upgrade-containers', with: { desiredInstances } };
}

function setupOf(lane: Lane): unknown {
  const { scaling } = lane;
  const autoScaler =
    scaling === undefined
      ? {}
      : {
          autoScaler: {
            scalableTarget: { MinCapacity: scaling.min, MaxCapacity: scaling.max },
            scalingPolicies: [
              {
                PolicyName: scaling.policy,
                PolicyType: 'TargetTrackingScaling',
                TargetTrackingScalingPolicyConfiguration: {
                  TargetValue: 60,
                  PredefinedMetricSpecification: { PredefinedMetricType: 'ECSServiceAverageCPUUtilization' },
                },
              },
            ],
          },
        };
  return {
    name: 'Service Setup',
    type: 'ecs-service-setup',
    with: { serviceName: lane.stem, instances: { fixed: lane.total }, steadyStateTimeoutMinutes: 30, ...autoScaler },
  };
}
