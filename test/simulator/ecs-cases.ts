import assert from 'node:assert/strict';
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DeleteClusterCommand,
  DeleteServiceCommand,
  DeregisterTaskDefinitionCommand,
  DescribeClustersCommand,
  DescribeContainerInstancesCommand,
  DescribeServiceDeploymentsCommand,
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  DescribeTasksCommand,
  ListClustersCommand,
  ListContainerInstancesCommand,
  ListServiceDeploymentsCommand,
  ListServicesCommand,
  ListTagsForResourceCommand,
  ListTaskDefinitionFamiliesCommand,
  ListTaskDefinitionsCommand,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
  StopTaskCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateContainerInstancesStateCommand,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import type { OperationCases } from './operation-case.ts';
import { createWeb, describe, registerWeb } from './simulated-aws.ts';

const CLUSTER = 'arn:aws:ecs:us-east-1:123456789012:cluster/example';

export const ECS_CASES: OperationCases = {
  CreateCluster: {
    right: async ({ ecs }) => {
      const { cluster } = await ecs.send(new CreateClusterCommand({ clusterName: 'other' }));
      assert.equal(cluster?.status, 'ACTIVE');
    },
    wrong: ({ ecs }) => ecs.send(new CreateClusterCommand({ clusterName: 'no spaces' })),
    error: 'InvalidParameterException',
  },
  DeleteCluster: {
    right: async ({ ecs }) => {
      const { cluster } = await ecs.send(new DeleteClusterCommand({ cluster: 'fargate' }));
      assert.equal(cluster?.status, 'INACTIVE');
    },
    wrong: ({ ecs }) => ecs.send(new DeleteClusterCommand({ cluster: 'example' })),
    error: 'ClusterContainsContainerInstancesException',
  },
  DescribeClusters: {
    right: async ({ ecs }) => {
      const output = await ecs.send(new DescribeClustersCommand({ clusters: [CLUSTER, 'nowhere'] }));
      assert.equal(output.clusters?.[0]?.registeredContainerInstancesCount, 3);
      assert.deepEqual(
        output.failures?.map(({ reason }) => reason),
        ['MISSING'],
      );
    },
    wrong: ({ ecs }) =>
      ecs.send(new DescribeClustersCommand({ clusters: Array.from({ length: 101 }, () => 'example') })),
    error: 'InvalidParameterException',
  },
  ListClusters: {
    right: async ({ ecs }) => {
      const output = await ecs.send(new ListClustersCommand({ maxResults: 1 }));
      assert.deepEqual(output.clusterArns, [CLUSTER]);
      assert.notEqual(output.nextToken, undefined);
    },
    wrong: ({ ecs }) => ecs.send(new ListClustersCommand({ nextToken: 'made up' })),
    error: 'InvalidParameterException',
    message: /Invalid token/,
  },
  RegisterTaskDefinition: {
    right: async (aws) => {
      assert.equal(await registerWeb(aws), 'arn:aws:ecs:us-east-1:123456789012:task-definition/web:1');
      assert.match(await registerWeb(aws), /web:2$/);
    },
    wrong: ({ ecs }) =>
      ecs.send(
        new RegisterTaskDefinitionCommand({ family: 'web', containerDefinitions: [{ name: 'web', image: 'nginx' }] }),
      ),
    error: 'ClientException',
    message: /At least one of 'memory' or 'memoryReservation' must be specified/,
  },
  DeregisterTaskDefinition: {
    right: async (aws) => {
      await registerWeb(aws);
      const output = await aws.ecs.send(new DeregisterTaskDefinitionCommand({ taskDefinition: 'web:1' }));
      assert.equal(output.taskDefinition?.status, 'INACTIVE');
    },
    wrong: ({ ecs }) => ecs.send(new DeregisterTaskDefinitionCommand({ taskDefinition: 'web:7' })),
    error: 'ClientException',
  },
  DescribeTaskDefinition: {
    right: async (aws) => {
      await registerWeb(aws, 'nginx:1', { tags: [{ key: 'made-by', value: 'test' }] });
      const output = await aws.ecs.send(
        new DescribeTaskDefinitionCommand({ taskDefinition: 'web', include: ['TAGS'] }),
      );
      assert.equal(output.taskDefinition?.containerDefinitions?.[0]?.image, 'nginx:1');
      assert.ok(output.taskDefinition?.registeredAt instanceof Date);
      assert.deepEqual(output.tags, [{ key: 'made-by', value: 'test' }]);
    },
    wrong: ({ ecs }) => ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition: 'unknown' })),
    error: 'ClientException',
    message: /^Unable to describe task definition\.$/,
  },
  ListTaskDefinitions: {
    right: async (aws) => {
      for (let count = 0; count < 11; count += 1) await registerWeb(aws);
      const output = await aws.ecs.send(
        new ListTaskDefinitionsCommand({ familyPrefix: 'web', sort: 'DESC', maxResults: 2 }),
      );
      assert.deepEqual(
        output.taskDefinitionArns?.map((arn) => arn.split('/')[1]),
        ['web:11', 'web:10'],
      );
    },
    wrong: ({ ecs }) => ecs.send(new ListTaskDefinitionsCommand({ maxResults: 101 })),
    error: 'InvalidParameterException',
  },
  ListTaskDefinitionFamilies: {
    right: async (aws) => {
      await registerWeb(aws);
      const output = await aws.ecs.send(new ListTaskDefinitionFamiliesCommand({ familyPrefix: 'w' }));
      assert.deepEqual(output.families, ['web']);
    },
    wrong: ({ ecs }) => ecs.send(new ListTaskDefinitionFamiliesCommand({ maxResults: -1 })),
    error: 'InvalidParameterException',
  },
  CreateService: {
    right: async (aws) => {
      const service = await createWeb(aws, await registerWeb(aws), { tags: [{ key: 'team', value: 'shop' }] });
      assert.equal(service.serviceArn, 'arn:aws:ecs:us-east-1:123456789012:service/example/web');
      assert.equal(service.deployments?.[0]?.rolloutState, 'IN_PROGRESS');
      assert.deepEqual(service.deploymentConfiguration?.maximumPercent, 200);
    },
    wrong: ({ ecs }) =>
      ecs.send(
        new CreateServiceCommand({ cluster: 'example', serviceName: 'web', desiredCount: 1, taskDefinition: 'none:1' }),
      ),
    error: 'ClientException',
    message: /^TaskDefinition not found\.$/,
  },
  UpdateService: {
    right: async (aws) => {
      await createWeb(aws, await registerWeb(aws));
      const { service } = await aws.ecs.send(
        new UpdateServiceCommand({ cluster: 'example', service: 'web', desiredCount: 5 }),
      );
      assert.equal(service?.desiredCount, 5);
      assert.equal(service?.deployments?.length, 1);
    },
    wrong: ({ ecs }) => ecs.send(new UpdateServiceCommand({ cluster: 'example', service: 'absent', desiredCount: 1 })),
    error: 'ServiceNotFoundException',
    message: /^Service not found\.$/,
  },
  DeleteService: {
    right: async (aws) => {
      await createWeb(aws, await registerWeb(aws), { desiredCount: 0 });
      const { service } = await aws.ecs.send(new DeleteServiceCommand({ cluster: 'example', service: 'web' }));
      assert.equal(service?.status, 'DRAINING');
      aws.advance(5);
      assert.equal((await describe(aws)).status, 'INACTIVE');
    },
    wrong: async (aws) => {
      await createWeb(aws, await registerWeb(aws));
      await aws.ecs.send(new DeleteServiceCommand({ cluster: 'example', service: 'web' }));
    },
    error: 'InvalidParameterException',
    message: /^The service cannot be stopped while it is scaled above 0\.$/,
  },
  DescribeServices: {
    right: async (aws) => {
      await createWeb(aws, await registerWeb(aws));
      const output = await aws.ecs.send(
        new DescribeServicesCommand({ cluster: 'example', services: ['web', 'absent'] }),
      );
      assert.equal(output.services?.length, 1);
      assert.deepEqual(output.failures, [
        { arn: 'arn:aws:ecs:us-east-1:123456789012:service/example/absent', reason: 'MISSING' },
      ]);
    },
    wrong: ({ ecs }) =>
      ecs.send(
        new DescribeServicesCommand({
          cluster: 'example',
          services: Array.from({ length: 11 }, (_, index) => `s${index}`),
        }),
      ),
    error: 'InvalidParameterException',
  },
  ListServices: {
    right: async (aws) => {
      const definition = await registerWeb(aws);
      for (let index = 0; index < 12; index += 1)
        await createWeb(aws, definition, { serviceName: `web-${index}`, desiredCount: 0 });
      const first = await aws.ecs.send(new ListServicesCommand({ cluster: 'example' }));
      assert.equal(first.serviceArns?.length, 10);
      const second = await aws.ecs.send(new ListServicesCommand({ cluster: 'example', nextToken: first.nextToken }));
      assert.equal(second.serviceArns?.length, 2);
      assert.equal(second.nextToken, undefined);
    },
    wrong: ({ ecs }) => ecs.send(new ListServicesCommand({ cluster: 'nowhere' })),
    error: 'ClusterNotFoundException',
    message: /^Cluster not found\.$/,
  },
  ListServiceDeployments: {
    right: async (aws) => {
      await createWeb(aws, await registerWeb(aws));
      const output = await aws.ecs.send(new ListServiceDeploymentsCommand({ cluster: 'example', service: 'web' }));
      assert.deepEqual(
        output.serviceDeployments?.map(({ status }) => status),
        ['IN_PROGRESS'],
      );
    },
    wrong: ({ ecs }) => ecs.send(new ListServiceDeploymentsCommand({ cluster: 'example', service: 'absent' })),
    error: 'ServiceNotFoundException',
  },
  DescribeServiceDeployments: {
    right: async (aws) => {
      await createWeb(aws, await registerWeb(aws));
      aws.advance(120);
      const listed = await aws.ecs.send(new ListServiceDeploymentsCommand({ cluster: 'example', service: 'web' }));
      const arn = listed.serviceDeployments?.[0]?.serviceDeploymentArn ?? '';
      const output = await aws.ecs.send(new DescribeServiceDeploymentsCommand({ serviceDeploymentArns: [arn] }));
      assert.equal(output.serviceDeployments?.[0]?.status, 'SUCCESSFUL');
    },
    wrong: ({ ecs }) => ecs.send(new DescribeServiceDeploymentsCommand({ serviceDeploymentArns: [] })),
    error: 'InvalidParameterException',
  },
  ListTasks: {
    right: async (aws) => {
      await createWeb(aws, await registerWeb(aws));
      aws.advance(2);
      const output = await aws.ecs.send(new ListTasksCommand({ cluster: 'example', serviceName: 'web' }));
      assert.equal(output.taskArns?.length, 2);
    },
    wrong: ({ ecs }) => ecs.send(new ListTasksCommand({ cluster: 'example', serviceName: 'absent' })),
    error: 'ServiceNotFoundException',
  },
  DescribeTasks: {
    right: async ({ ecs }) => {
      const missing = '0123456789abcdef0123456789abcdef';
      const output = await ecs.send(new DescribeTasksCommand({ cluster: 'example', tasks: [missing] }));
      assert.equal(output.failures?.[0]?.reason, 'MISSING');
    },
    wrong: ({ ecs }) => ecs.send(new DescribeTasksCommand({ cluster: 'example', tasks: [] })),
    error: 'InvalidParameterException',
    message: /^Tasks cannot be empty\.$/,
  },
  StopTask: {
    right: async (aws) => {
      await registerWeb(aws);
      const run = await aws.ecs.send(new RunTaskCommand({ cluster: 'example', taskDefinition: 'web' }));
      const { task } = await aws.ecs.send(
        new StopTaskCommand({ cluster: 'example', task: run.tasks?.[0]?.taskArn ?? '', reason: 'enough' }),
      );
      assert.equal(task?.desiredStatus, 'STOPPED');
      assert.equal(task?.stopCode, 'UserInitiated');
      assert.equal(task?.stoppedReason, 'enough');
    },
    wrong: ({ ecs }) => ecs.send(new StopTaskCommand({ cluster: 'example', task: '0123456789abcdef0123456789abcdef' })),
    error: 'InvalidParameterException',
  },
  RunTask: {
    right: async (aws) => {
      await registerWeb(aws);
      const output = await aws.ecs.send(
        new RunTaskCommand({ cluster: 'example', taskDefinition: 'web', count: 2, startedBy: 'me' }),
      );
      assert.deepEqual(
        output.tasks?.map(({ group, startedBy }) => [group, startedBy]),
        [
          ['family:web', 'me'],
          ['family:web', 'me'],
        ],
      );
    },
    wrong: async (aws) => {
      await registerWeb(aws);
      await aws.ecs.send(new RunTaskCommand({ cluster: 'example', taskDefinition: 'web', count: 11 }));
    },
    error: 'InvalidParameterException',
  },
  ListContainerInstances: {
    right: async ({ ecs }) => {
      const filter = 'attribute:ecs.availability-zone == us-east-1a';
      assert.equal(
        (await ecs.send(new ListContainerInstancesCommand({ cluster: 'example' }))).containerInstanceArns?.length,
        3,
      );
      assert.equal(
        (await ecs.send(new ListContainerInstancesCommand({ cluster: 'example', filter }))).containerInstanceArns
          ?.length,
        1,
      );
    },
    wrong: ({ ecs }) => ecs.send(new ListContainerInstancesCommand({ cluster: 'example', filter: 'three of them' })),
    error: 'InvalidParameterException',
  },
  DescribeContainerInstances: {
    right: async ({ ecs }) => {
      const listed = await ecs.send(new ListContainerInstancesCommand({ cluster: 'example' }));
      const output = await ecs.send(
        new DescribeContainerInstancesCommand({
          cluster: 'example',
          containerInstances: [...(listed.containerInstanceArns ?? []), 'absent'],
        }),
      );
      assert.equal(output.containerInstances?.length, 3);
      assert.match(output.containerInstances?.[0]?.ec2InstanceId ?? '', /^i-[0-9a-f]{17}$/);
      assert.equal(output.failures?.[0]?.reason, 'MISSING');
    },
    wrong: ({ ecs }) => ecs.send(new DescribeContainerInstancesCommand({ cluster: 'example', containerInstances: [] })),
    error: 'InvalidParameterException',
  },
  UpdateContainerInstancesState: {
    right: async ({ ecs }) => {
      const listed = await ecs.send(new ListContainerInstancesCommand({ cluster: 'example' }));
      const containerInstances = (listed.containerInstanceArns ?? []).slice(0, 1);
      const output = await ecs.send(
        new UpdateContainerInstancesStateCommand({ cluster: 'example', containerInstances, status: 'DRAINING' }),
      );
      assert.equal(output.containerInstances?.[0]?.status, 'DRAINING');
    },
    wrong: ({ ecs }) =>
      ecs.send(
        new UpdateContainerInstancesStateCommand({
          cluster: 'example',
          containerInstances: ['x'],
          status: 'REGISTERING',
        }),
      ),
    error: 'InvalidParameterException',
  },
  TagResource: {
    right: async ({ ecs }) => {
      await ecs.send(new TagResourceCommand({ resourceArn: CLUSTER, tags: [{ key: 'a', value: '1' }] }));
      const { tags } = await ecs.send(new ListTagsForResourceCommand({ resourceArn: CLUSTER }));
      assert.deepEqual(tags, [{ key: 'a', value: '1' }]);
    },
    wrong: ({ ecs }) =>
      ecs.send(new TagResourceCommand({ resourceArn: 'arn:aws:ecs:us-east-1:123456789012:service/short', tags: [] })),
    error: 'InvalidParameterException',
  },
  UntagResource: {
    right: async ({ ecs }) => {
      await ecs.send(new TagResourceCommand({ resourceArn: CLUSTER, tags: [{ key: 'a', value: '1' }] }));
      await ecs.send(new UntagResourceCommand({ resourceArn: CLUSTER, tagKeys: ['a'] }));
      assert.deepEqual((await ecs.send(new ListTagsForResourceCommand({ resourceArn: CLUSTER }))).tags, []);
    },
    wrong: ({ ecs }) => ecs.send(new UntagResourceCommand({ resourceArn: `${CLUSTER}-absent`, tagKeys: ['a'] })),
    error: 'ResourceNotFoundException',
  },
  ListTagsForResource: {
    right: async ({ ecs }) => {
      assert.deepEqual((await ecs.send(new ListTagsForResourceCommand({ resourceArn: CLUSTER }))).tags, []);
    },
    wrong: ({ ecs }) => ecs.send(new ListTagsForResourceCommand({ resourceArn: 'example' })),
    error: 'InvalidParameterException',
  },
};
