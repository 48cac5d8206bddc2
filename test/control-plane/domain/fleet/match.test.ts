import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type DelegateView, matchDelegates } from '@outrider/control-plane/domain/fleet/match.ts';

const DELEGATE: DelegateView = {
  name: 'vpc-stage-1',
  connected: true,
  draining: false,
  tags: ['vpc-stage', 'big'],
  stepTypes: ['ecs-service-setup'],
  version: '0.1.0',
  region: 'us-east-1',
  slots: 10,
  busy: 0,
  instances: 1,
  lastSeenMs: 0,
};

function reasons(selectors: readonly string[], delegate: Partial<DelegateView> = {}, stepType = 'ecs-service-setup') {
  const match = matchDelegates({ selectors, stepType }, [{ ...DELEGATE, ...delegate }]);
  assert.equal(match.eligible.length + match.ineligible.length, 1);
  return match.ineligible[0]?.reasons ?? [];
}

describe('a delegate may take a step', () => {
  const cases: readonly [string, readonly string[], Partial<DelegateView>][] = [
    ['when it has all of the selectors among its tags', ['vpc-stage', 'big'], {}],
    ['when there are no selectors', [], { tags: [] }],
    ['when a selector is its name', ['vpc-stage-1', 'big'], {}],
    ['when it is full: it will have room later', ['big'], { busy: 10 }],
  ];
  for (const [title, selectors, delegate] of cases) {
    test(title, () => assert.deepEqual(reasons(selectors, delegate), []));
  }
});

describe('a delegate may not take a step, and the reason says why', () => {
  const cases: readonly [string, readonly string[], Partial<DelegateView>, readonly RegExp[]][] = [
    ['one of several selectors is missing', ['big', 'eu'], {}, [/^it lacks the tag eu \(it has vpc-stage, big\)$/]],
    ['several are missing', ['us', 'eu'], { tags: [] }, [/^it lacks the tags us, eu \(it has no tags\)$/]],
    ['it is gone', [], { connected: false }, [/not connected/]],
    ['it is draining', [], { draining: true }, [/draining/]],
    ['its version does not know the step', [], { stepTypes: [] }, [/does not know ecs-service-setup/]],
    [
      'for several reasons at once',
      ['eu'],
      { connected: false, stepTypes: [] },
      [/not connected/, /lacks/, /does not know/],
    ],
  ];
  for (const [title, selectors, delegate, expected] of cases) {
    test(title, () => {
      const found = reasons(selectors, delegate);
      assert.equal(found.length, expected.length, found.join('; '));
      for (const [index, reason] of expected.entries()) assert.match(found[index] ?? '', reason);
    });
  }
});

test('every delegate is answered for, in their order', () => {
  const delegates = ['a', 'b', 'c'].map((name, index) => ({ ...DELEGATE, name, connected: index !== 1 }));
  const match = matchDelegates({ selectors: ['big'], stepType: 'ecs-service-setup' }, delegates);
  assert.deepEqual(match.eligible, ['a', 'c']);
  assert.deepEqual(
    match.ineligible.map((each) => each.name),
    ['b'],
  );
});
