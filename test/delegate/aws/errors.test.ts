import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { convertAwsError, isAbsent, isNotIdempotent } from '@outrider/delegate/aws/errors.ts';

function awsError(name: string, message: string, status = 400): Error {
  return Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status, requestId: 'r-1' } });
}

describe('errors of AWS', () => {
  test('a right that is missing is named as AWS names it, whatever was called', () => {
    const role = 'arn:aws:iam::123456789012:role/ecsTaskExecutionRole';
    const text = `User: arn:aws:sts::1:assumed-role/d/s is not authorized to perform: iam:PassRole on resource: ${role} because no identity-based policy allows the iam:PassRole action`;
    for (const name of ['AccessDeniedException', 'ClientException']) {
      const error = convertAwsError(awsError(name, text), 'ECS RegisterTaskDefinition');
      assert.equal(error.code, 'aws-access-denied');
      assert.equal(error.hint, `Allow iam:PassRole on ${role} for the delegate's role.`);
    }
  });

  for (const [name, message, status, code, kind] of [
    ['ThrottlingException', 'Rate exceeded', 400, 'aws-throttled', 'throttled'],
    ['RequestLimitExceeded', 'Request limit exceeded.', 503, 'aws-throttled', 'throttled'],
    ['ServerException', 'Service Unavailable', 500, 'aws-unavailable', 'unclear'],
    ['HealthUnavailable', 'later', 500, 'aws-unavailable', 'unclear'],
    ['TimeoutError', 'no answer', 0, 'aws-unavailable', 'unclear'],
    ['Something', 'strange', 502, 'aws-unavailable', 'unclear'],
    ['AccessDeniedException', 'User: x is not authorized', 400, 'aws-access-denied', 'final'],
    ['ExpiredTokenException', 'expired', 400, 'aws-access-denied', 'final'],
    ['LimitExceededException', 'quota', 400, 'quota-exceeded', 'final'],
    ['ConcurrentUpdateException', 'pending', 400, 'aws-rejected', 'concurrent'],
    ['ServiceNotFoundException', 'Service not found.', 400, 'service-missing', 'absent'],
    ['ObjectNotFoundException', 'No scalable target found', 400, 'aws-rejected', 'absent'],
    [
      'InvalidParameterException',
      'Unable to Start a service that is still Draining.',
      400,
      'aws-rejected',
      'consistency',
    ],
    ['InvalidParameterException', 'Invalid subnet', 400, 'aws-rejected', 'final'],
    ['ClusterNotFoundException', 'Cluster not found.', 400, 'aws-rejected', 'final'],
  ] as const) {
    test(`${name} (${status}) is ${code}, ${kind}`, () => {
      const error = convertAwsError(awsError(name, message, status), 'ECS CreateService');
      assert.equal(error.code, code);
      assert.equal(error.data['awsClass'], kind);
      assert.equal(error.message, `ECS CreateService: ${message}`);
      assert.equal(error.data['requestId'], 'r-1');
    });
  }

  test('a broken connection leaves open what was done', () => {
    const error = convertAwsError(
      Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }),
      'ECS UpdateService',
    );
    assert.equal(error.code, 'aws-unavailable');
    assert.equal(error.data['awsClass'], 'unclear');
  });

  test('a refused connection over several addresses still says what happened', () => {
    const inner = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' });
    const outer = Object.assign(new AggregateError([inner]), { code: 'ECONNREFUSED' });
    assert.match(convertAwsError(outer, 'ECS ListServices').message, /ECONNREFUSED 127\.0\.0\.1/);
  });

  test('a denied call names the action to allow', () => {
    const denied = awsError('AccessDeniedException', 'no');
    assert.match(convertAwsError(denied, 'ECS CreateService').hint, /ecs:CreateService/);
    assert.match(
      convertAwsError(denied, 'AutoScaling PutScalingPolicy').hint,
      /application-autoscaling:PutScalingPolicy/,
    );
    assert.match(convertAwsError(denied, 'ELB DescribeTargetHealth').hint, /elasticloadbalancing:DescribeTargetHealth/);
  });

  test('absent and not idempotent are recognised', () => {
    const gone = convertAwsError(awsError('ServiceNotFoundException', 'x'), 'ECS DeleteService');
    assert.equal(isAbsent(gone), true);
    const text = 'Creation of service was not idempotent.';
    assert.equal(
      isNotIdempotent(convertAwsError(awsError('InvalidParameterException', text), 'ECS CreateService')),
      true,
    );
    assert.equal(isAbsent(new Error('other')), false);
  });
});
