import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { EcsDeployment, EcsService } from '@outrider/delegate/aws/ports.ts';
import { type Expectation, judgeRunning, judgeSteady, type View } from '@outrider/delegate/steps/steady-state.ts';
import type { BadStop } from '@outrider/delegate/steps/why.ts';

const primary: EcsDeployment = {
  id: 'ecs-svc/1',
  status: 'PRIMARY',
  taskDefinitionArn: 'td:1',
  desired: 2,
  running: 2,
  pending: 0,
  failedTasks: 0,
  rolloutState: 'COMPLETED',
  createdAtMs: 0,
  updatedAtMs: 0,
};
const service: EcsService = {
  arn: 'arn',
  name: 'web__1',
  status: 'ACTIVE',
  desired: 2,
  running: 2,
  pending: 0,
  taskDefinitionArn: 'td:1',
  schedulingStrategy: 'REPLICA',
  deployments: [primary],
  events: [],
  loadBalancers: [],
  tags: {},
  raw: {},
};
const wanted: Expectation = {
  desired: 2,
  taskDefinitionArn: 'td:1',
  deploymentId: 'ecs-svc/1',
  deploymentIdBefore: 'ecs-svc/0',
  shrinking: false,
};
const stop: BadStop = {
  code: 'image-pull-failed',
  cause: 'c',
  advice: 'a',
  hopeless: true,
  noPlace: false,
  ran: false,
  atMs: 0,
  taskArn: 't',
  key: 'k',
  evidence: 'e',
};

function view(changes: Partial<View> = {}): View {
  return {
    service,
    mustExist: true,
    strayed: 0,
    newEvents: [],
    newStops: [],
    stops: [],
    unhealthyTargets: [],
    stuck: undefined,
    rolledBack: undefined,
    giveUpAfter: undefined,
    ...changes,
  };
}
const with_ = (changes: Partial<EcsService>) => view({ service: { ...service, ...changes } });

describe('a service is steady', () => {
  test('when all tasks of its one deployment run', () => {
    assert.deepEqual(judgeSteady(view(), wanted), { kind: 'steady' });
  });

  test('when its controller shows no deployments, by its counts', () => {
    assert.equal(judgeSteady(with_({ deployments: [] }), wanted).kind, 'steady');
  });

  for (const [why, changed, missing] of [
    ['tasks are missing', with_({ running: 1, deployments: [{ ...primary, running: 1 }] }), /1\/2 running/],
    ['tasks are pending', with_({ pending: 1 }), /1 pending/],
    ['more run than wanted', with_({ running: 3, deployments: [{ ...primary, running: 3 }] }), /3\/2 running/],
    ['AWS shows another count', with_({ desired: 1 }), /desired count of 1/],
    [
      'an earlier deployment is still there',
      with_({ deployments: [primary, { ...primary, id: 'ecs-svc/0', status: 'ACTIVE', running: 1 }] }),
      /1 task\(s\) of earlier deployments/,
    ],
    ['the rollout goes on', with_({ deployments: [{ ...primary, rolloutState: 'IN_PROGRESS' }] }), /in progress/],
    [
      'the answer is from before the change',
      with_({ deployments: [{ ...primary, id: 'ecs-svc/0', taskDefinitionArn: 'td:0' }] }),
      /0\/2|running/,
    ],
    ['a task has just stopped', view({ newStops: [stop], stops: [stop] }), /just stopped/],
    ['a target is not healthy', view({ unhealthyTargets: ['task x is initial'] }), /task x is initial/],
  ] as const) {
    test(`not when ${why}`, () => {
      const judgement = judgeSteady(changed, wanted);
      assert.equal(judgement.kind, 'waiting');
      assert.match(judgement.kind === 'waiting' ? judgement.missing : '', missing);
    });
  }
});

describe('waiting is given up', () => {
  for (const [why, changed, code] of [
    [
      'ECS marks the deployment as failed',
      with_({ deployments: [{ ...primary, rolloutState: 'FAILED' }] }),
      'deployment-failed',
    ],
    ['another deployment takes over', with_({ deployments: [{ ...primary, id: 'ecs-svc/9' }] }), 'interfered'],
    [
      'ECS rolls back',
      with_({
        deployments: [
          { ...primary, id: 'ecs-svc/9' },
          { ...primary, status: 'ACTIVE', rolloutState: 'FAILED' },
        ],
      }),
      'deployment-failed',
    ],
    ['the service is deleted', with_({ status: 'DRAINING' }), 'interfered'],
    ['the service is gone', view({ service: undefined }), 'service-missing'],
    ['the count strays twice in a row', view({ strayed: 2 }), 'interfered'],
    ['three tasks stop for the same reason', view({ stops: [stop, stop, stop] }), 'image-pull-failed'],
    [
      'ECS says that tasks cannot start',
      view({
        stops: [stop],
        newEvents: [{ message: '(service x) is unable to consistently start tasks successfully.' }],
      }),
      'image-pull-failed',
    ],
  ] as const) {
    test(`when ${why}`, () => {
      const judgement = judgeRunning(changed, wanted);
      assert.equal(judgement.kind === 'hopeless' ? judgement.verdict.code : judgement.kind, code);
    });
  }

  const noPlace = { ...stop, code: 'capacity-unavailable', hopeless: false, noPlace: true } as const;
  const after = (...seconds: number[]) => seconds.map((second) => ({ ...noPlace, atMs: second * 1000 }));
  const stuckFor = (seconds: number) => ({ verdict: noPlace, seconds, never: undefined });
  for (const [why, changed, kind] of [
    ['tasks found no capacity for five minutes', view({ stops: after(0, 100, 300) }), 'hopeless'],
    ['tasks found no capacity three times, but only for a while', view({ stops: after(0, 100, 299) }), 'steady'],
    ['there is no place for five minutes', view({ stuck: stuckFor(300) }), 'hopeless'],
    ['there is no place for a while', view({ stuck: stuckFor(299) }), 'steady'],
    ['there can never be a place', view({ stuck: { ...stuckFor(0), never: 'too large' } }), 'hopeless'],
    ['the step allows two stops', view({ stops: [stop, stop], giveUpAfter: { sameStops: 2 } }), 'hopeless'],
    ['the step allows a minute', view({ stuck: stuckFor(60), giveUpAfter: { noPlaceSeconds: 60 } }), 'hopeless'],
    ['two reasons come in turn', view({ stops: [stop, { ...stop, key: 'other' }, stop] }), 'steady'],
  ] as const) {
    test(`${why}: ${kind}`, () => assert.equal(judgeRunning(changed, wanted).kind, kind));
  }

  test('a rollback by ECS that only its event tells of', () => {
    const changed = {
      ...with_({ deployments: [{ ...primary, id: 'ecs-svc/9' }] }),
      rolledBack: '(service x) rolling back',
    };
    const judgement = judgeRunning(changed, wanted);
    assert.ok(judgement.kind === 'hopeless' && judgement.verdict.code === 'deployment-failed');
    assert.match(judgement.message, /^ECS rolled the deployment back: /);
    const resized = { ...view(), rolledBack: '(service x) rolling back' };
    assert.equal(judgeRunning(resized, wanted).kind, 'steady', 'it was another deployment');
  });

  for (const [why, changed] of [
    ['AWS does not show a new service yet', view({ service: undefined, mustExist: false })],
    [
      'tasks stop for reasons that pass',
      view({ stops: Array.from({ length: 9 }, () => ({ ...stop, hopeless: false })) }),
    ],
    ['one look shows another count', view({ strayed: 1 })],
    ['two tasks stopped', view({ stops: [stop, stop] })],
  ] as const) {
    test(`not when ${why}`, () => {
      assert.notEqual(judgeRunning(changed, wanted).kind, 'hopeless');
    });
  }
});

describe('a version that shrinks', () => {
  const shrinking = { ...wanted, desired: 1, shrinking: true };
  test('is done when no more run than are to remain, healthy or not', () => {
    const stops = [stop, stop, stop];
    const crashing = { ...service, desired: 1, running: 0, pending: 1 };
    assert.equal(judgeSteady(view({ service: crashing, stops }), shrinking).kind, 'steady');
    assert.equal(judgeSteady(with_({ desired: 1 }), shrinking).kind, 'waiting');
  });
});

test('a daemon that ECS has not counted yet is waited for; one without instances is steady', () => {
  const daemon = { ...wanted, desired: undefined };
  const none = { desired: 0, running: 0 };
  const counting = with_({
    ...none,
    deployments: [{ ...primary, desired: 0, running: 0, rolloutState: 'IN_PROGRESS' }],
  });
  assert.equal(judgeRunning(counting, daemon).kind, 'waiting');
  assert.equal(
    judgeSteady(with_({ ...none, deployments: [{ ...primary, desired: 0, running: 0 }] }), daemon).kind,
    'steady',
  );
});
