import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { EcsTask } from '@outrider/delegate/aws/ports.ts';
import { classifyEvent, classifyStop, isRoutineEvent, saysTasksCannotStart } from '@outrider/delegate/steps/why.ts';

function stopped(changes: Partial<EcsTask>, container: { reason?: string; exitCode?: number } = {}): EcsTask {
  return {
    arn: 'arn:aws:ecs:us-east-1:1:task/example/0f9de17a6465404e8b1b2356dc13c2f8',
    taskDefinitionArn: 'td',
    lastStatus: 'STOPPED',
    desiredStatus: 'STOPPED',
    containers: [{ name: 'web', lastStatus: 'STOPPED', hostPorts: [], ...container }],
    ...changes,
  };
}

describe('why a task stopped', () => {
  for (const [reason, container, code] of [
    ['Task failed to start', { reason: 'CannotPullContainerError: pull access denied' }, 'image-pull-failed'],
    [
      'Essential container in task exited',
      { reason: 'OutOfMemoryError: Container killed due to memory usage', exitCode: 137 },
      'out-of-memory',
    ],
    ['Essential container in task exited', { exitCode: 1 }, 'container-exited'],
    [
      'ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed',
      {},
      'secret-unavailable',
    ],
    [
      'ResourceInitializationError: failed to initialize logging driver: the log group does not exist',
      {},
      'task-start-failed',
    ],
    ['Task failed ELB health checks in (target-group arn:x)', {}, 'health-check-failed'],
    ['Task failed container health checks', {}, 'health-check-failed'],
    ['Unexpected EC2 error while attempting to Create Network Interface in subnet', {}, 'network-interface-failed'],
    ['Capacity is unavailable at this time', {}, 'capacity-unavailable'],
    ['Your Spot Task was interrupted.', {}, 'capacity-unavailable'],
    ['Host EC2 (instance i-0123456789abcdef0) terminated.', {}, 'capacity-unavailable'],
    ['RESOURCE:MEMORY', {}, 'placement-failed'],
    ['CannotStartContainerError: exec format error', {}, 'task-start-failed'],
    ['Task failed to start', { reason: 'CannotStartContainerError: oci runtime error: x' }, 'task-start-failed'],
    ['ResourceInitializationError: failed to invoke EFS utils commands: mount failed', {}, 'task-start-failed'],
    [
      'ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve ecr registry auth: RequestError: dial tcp 10.0.0.1:443: i/o timeout',
      {},
      'image-pull-failed',
    ],
    ["ECS was unable to assume the role 'arn:x' that was provided for this task.", {}, 'aws-access-denied'],
  ] as const) {
    test(`${reason.slice(0, 60)} ${JSON.stringify(container).slice(0, 40)} is ${code}`, () => {
      const verdict = classifyStop(stopped({ stoppedReason: reason }, container));
      assert.equal(verdict?.code, code);
      assert.notEqual(verdict?.advice, '');
      assert.match(verdict?.evidence ?? '', /^Task 0f9de17a6465404e8b1b2356dc13c2f8 stopped: /);
    });
  }

  for (const reason of ['Scaling activity initiated by (deployment ecs-svc/1)', 'Task stopped by user']) {
    test(`${reason} is no failure, whatever its containers say`, () => {
      const task = stopped({ stoppedReason: reason, stopCode: 'ServiceSchedulerInitiated' }, { exitCode: 137 });
      assert.equal(classifyStop(task), undefined);
    });
  }

  for (const [text, cause] of [
    ['failed to resolve ref docker.io/shop/web:9: not found', /registry does not have it/],
    ['pull access denied for shop/web, repository does not exist or may require authorization', /may not be pulled/],
    ['toomanyrequests: You have reached your pull rate limit', /limits how often/],
    ['failed to copy: httpReadSeeker: dial tcp 3.5.2.1:443: i/o timeout', /do not reach the registry/],
    ['failed to register layer: no space left on device', /disk is full/],
    ['tls: failed to verify certificate: x509: certificate signed by unknown authority', /certificate is not trusted/],
    ["image Manifest does not contain descriptor matching platform 'linux/arm64'", /CPU architecture/],
    ['something that nobody has seen yet', /the image cannot be pulled/],
  ] as const) {
    test(`an image that cannot be pulled: ${text.slice(0, 60)}`, () => {
      const verdict = classifyStop(stopped({ stoppedReason: `CannotPullContainerError: ${text}` }));
      assert.equal(verdict?.code, 'image-pull-failed');
      assert.match(verdict?.cause ?? '', cause);
    });
  }

  for (const [text, cause] of [
    ['AccessDeniedException: not authorized to perform: secretsmanager:GetSecretValue', /may not read a secret/],
    ["ResourceNotFoundException: Secrets Manager can't find the specified secret", /does not exist/],
    ['RequestError: send request failed: i/o timeout', /a secret cannot be read/],
  ] as const) {
    test(`a secret: ${text.slice(0, 60)}`, () => {
      const reason = `ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve secret from asm: ${text}`;
      const verdict = classifyStop(stopped({ stoppedReason: reason }));
      assert.equal(verdict?.code, 'secret-unavailable');
      assert.match(verdict?.cause ?? '', cause);
    });
  }

  test('the name of a container is no reason', () => {
    const task = stopped({ stoppedReason: 'Task stopped by user' });
    const containers = [{ name: 'OutOfMemory-AGENT', lastStatus: 'STOPPED', hostPorts: [] }];
    assert.equal(classifyStop({ ...task, containers }), undefined);
  });

  test('the same reason on two tasks counts as the same', () => {
    const one = stopped({ stoppedReason: 'Task failed ELB health checks in (target-group 1) for 10.0.0.1:80' });
    const two = {
      ...one,
      arn: 'arn:task/other',
      stoppedReason: 'Task failed ELB health checks in (target-group 1) for 10.0.0.9:81',
    };
    assert.equal(classifyStop(one)?.key, classifyStop(two)?.key);
  });

  test('waiting longer helps against missing capacity, not against a missing image', () => {
    assert.equal(classifyStop(stopped({ stoppedReason: 'CannotPullContainerError: x' }))?.hopeless, true);
    assert.equal(classifyStop(stopped({ stoppedReason: 'Capacity is unavailable at this time' }))?.hopeless, false);
  });

  test('without any text the stop code decides', () => {
    assert.equal(classifyStop(stopped({ stopCode: 'TaskFailedToStart' }))?.code, 'task-start-failed');
    assert.equal(classifyStop(stopped({ stopCode: 'EssentialContainerExited' }))?.code, 'container-exited');
    assert.equal(classifyStop(stopped({ stopCode: 'UserInitiated' })), undefined);
  });
});

describe('what service events say', () => {
  for (const [message, code] of [
    ['was unable to place a task because no container instance met all of its requirements.', 'placement-failed'],
    ['The closest matching (container-instance x) is already using a port required by your task.', 'placement-failed'],
    ['was unable to place a task. Reason: Capacity is unavailable at this time.', 'capacity-unavailable'],
    [
      "was unable to place a task. Reason: You've reached the limit on the number of tasks you can run concurrently.",
      'quota-exceeded',
    ],
    ['encountered error "RESOURCE:ENI"', 'network-interface-failed'],
    ['encountered error "AGENT"', 'placement-failed'],
    ['has insufficient CPU units available.', 'placement-failed'],
    [
      "was unable to place a task. Reason: ECS was unable to assume the role 'arn:x' that was provided for this task.",
      'aws-access-denied',
    ],
    ['rolling back to deployment ecs-svc/1.', 'deployment-failed'],
    ['(port 80) is unhealthy in (target-group x) due to (reason Health checks failed)', 'health-check-failed'],
    ['is unable to consistently start tasks successfully.', 'deployment-failed'],
    ['operations are being throttled. Will try again later.', 'aws-throttled'],
    [
      'was unable to stop or start tasks during a deployment because of the service deployment configuration.',
      'placement-failed',
    ],
  ] as const) {
    test(`${message.slice(0, 70)} is ${code}`, () => {
      assert.equal(classifyEvent(`(service web) ${message}`)?.code, code);
      assert.equal(isRoutineEvent(`(service web) ${message}`), false);
    });
  }

  for (const message of [
    'has started 1 tasks: (task x).',
    'registered 1 targets in (target-group x)',
    'has begun draining connections on 1 tasks.',
    'has reached a steady state.',
    '(deployment ecs-svc/1) deployment completed.',
  ]) {
    test(`${message} is routine`, () => {
      assert.equal(classifyEvent(`(service web) ${message}`), undefined);
      assert.equal(isRoutineEvent(`(service web) ${message}`), true);
    });
  }

  test('ECS itself gives up', () => {
    assert.equal(saysTasksCannotStart('(service web) is unable to consistently start tasks successfully.'), true);
  });
});
