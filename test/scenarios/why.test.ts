import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Fault } from '@outrider/simulator/world/faults.ts';
import { applyExample, type ExecutionView, logTexts, newestExecution, runAndWatch } from '../support/deployments.ts';
import { type Stack, startStack } from '../support/stack.ts';

const IMAGE = 'library/nginx:1.29';

/** The service of examples/rolling-canary with a log group, and a workflow that gives up after two stops. */
const DOCUMENTS = `
apiVersion: outrider/v1
kind: Service
metadata: { application: ECS, name: shop }
spec:
  artifact: { image: library/nginx }
  taskDefinition:
    family: shop
    networkMode: awsvpc
    requiresCompatibilities: [FARGATE]
    cpu: "256"
    memory: "512"
    executionRoleArn: "\${EXECUTION_ROLE}"
    containerDefinitions:
      - name: "\${CONTAINER_NAME}"
        image: "\${DOCKER_IMAGE_NAME}"
        logConfiguration:
          logDriver: awslogs
          options: { awslogs-group: /ecs/shop, awslogs-region: us-east-1, awslogs-stream-prefix: shop }
  serviceDefinition: { serviceName: shop, desiredCount: 2 }
---
apiVersion: outrider/v1
kind: Workflow
metadata: { application: ECS, name: Shop }
spec:
  type: CANARY
  environment: stage-ecs
  phases:
    - name: Canary
      service: shop
      infrastructure: fargate
      sections:
        Deploy Containers:
          - { name: Deploy, type: ecs-canary-deploy, with: { giveUpAfter: { sameStops: 2 } } }
`;

describe('an operator whose deployment fails is told why', () => {
  let stack: Stack;
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'outrider-why-'));
    stack = await startStack();
    await applyExample(stack, 'rolling-canary');
    await writeFile(join(directory, 'shop.yaml'), DOCUMENTS);
    const applied = await stack.outrider('apply', '-f', directory);
    assert.equal(applied.exitCode, 0, applied.stderr);
  });
  after(async () => {
    await stack.close();
    await rm(directory, { recursive: true, force: true });
  });
  afterEach(() => stack.aws.control.clearFaults());

  async function failWith(...faults: readonly Fault[]): Promise<{ view: ExecutionView; printed: string; log: string }> {
    for (const fault of faults) stack.aws.control.addFault(fault);
    const ended = await runAndWatch(stack, 'ECS/Shop', '--artifact', 'shop=:1.29');
    const printed = ended.stdout + ended.stderr;
    assert.equal(ended.exitCode, 3, printed);
    const view = await newestExecution(stack);
    assert.equal(view.rollback, 'succeeded');
    const log = (await logTexts(stack, view.id, 'Canary/Deploy')).join('\n');
    return { view, printed, log };
  }

  test('a container that crashes: its exit code and its own last words, on the screen, in the log and with the execution', async () => {
    const output = 'connecting to db:5432\npanic: no route to host';
    const { view, printed, log } = await failWith({ kind: 'crash', image: IMAGE, exitCode: 3, output });
    assert.equal(view.failure?.code, 'container-exited');
    assert.match(view.failure?.message ?? '', /the container exits \(2 tasks stopped for the same reason\)$/);
    assert.ok(view.failure?.evidence.some((line) => line.endsWith('wrote: panic: no route to host')));
    assert.match(printed, /panic: no route to host/);
    assert.match(
      log,
      /^Last lines that container library_nginx_1_29 of task [0-9a-f]{32} wrote:\n {2}Starting .*\n {2}connecting/m,
    );
    assert.equal(log.match(/^Task [0-9a-f]{32} stopped: /gm)?.length, 2);
  });

  test('a container that crashes, and no right to read its log: one line says so', async () => {
    const { view, log } = await failWith(
      { kind: 'crash', image: IMAGE, exitCode: 3 },
      { kind: 'error', operation: 'logs:GetLogEvents', code: 'AccessDeniedException', message: 'not authorized' },
    );
    assert.equal(view.failure?.code, 'container-exited');
    assert.equal(log.match(/Allow logs:GetLogEvents for the delegate's role\./g)?.length, 1);
  });

  test('an image that nobody pushed: the words say so, and what to check', async () => {
    const { view, printed } = await failWith({ kind: 'image-pull-failure', image: IMAGE });
    assert.equal(view.failure?.code, 'image-pull-failed');
    assert.match(view.failure?.message ?? '', /the registry does not have it/);
    assert.match(printed, /Check the image's name and tag/);
  });

  test('a role that may not be passed: the action and the role are named', async () => {
    const role = 'arn:aws:iam::123456789012:role/ecsTaskExecutionRole';
    const { view } = await failWith({
      kind: 'error',
      operation: 'RegisterTaskDefinition',
      code: 'AccessDeniedException',
      message: `User: x is not authorized to perform: iam:PassRole on resource: ${role} because no identity-based policy allows it`,
    });
    assert.equal(view.failure?.code, 'aws-access-denied');
    assert.equal(view.failure?.hint, `Allow iam:PassRole on ${role} for the delegate's role.`);
  });
});
