import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { encodeLogLine } from '@outrider/shared/logs.ts';
import { emptyState, type WorldState } from '@outrider/simulator/world/state.ts';
import type { Run } from './bench.ts';
import { differences } from './compare.ts';
import type { Place, Recovery } from './places.ts';

const EMPTY = emptyState({ region: 'us-east-1', accountId: '123456789012', startTime: 0, seed: 1 });
const LINES = [
  'Begin',
  'Registering the definition',
  'Waiting for pending tasks to finish. 0/2 running ...',
  'Done',
  'End',
];
const RESUMING = 'Resuming command: X; what is done already is kept';
const ELSEWHERE = 'The step goes on elsewhere: one is gone. What was logged there last may be missing here.';

function logOf(lines: readonly string[]): string {
  return lines.map((text) => encodeLogLine({ at: '2026-01-01T00:00:00.000Z', level: 'INFO', text })).join('');
}

function runOf(lines: readonly string[], changes: Partial<Run> = {}): Run {
  const log = logOf(lines);
  const bytes = Buffer.byteLength(log);
  return {
    calls: [{ service: 'ecs', operation: 'DescribeServices', mutates: false, outcome: 'ok', followedBy: 'message' }],
    outcome: { outcome: 'succeeded', output: { serviceName: 'web' } },
    result: {
      taskId: 'exe_00000000000000000000000001/p1.1/1',
      epoch: 1,
      result: { outcome: 'succeeded', output: {} },
      logBytes: bytes,
      logFrom: 0,
      logSha256: createHash('sha256').update(log).digest('hex'),
    },
    log,
    victimLog: '',
    facts: {},
    fewestRunning: 2,
    worldBefore: EMPTY,
    world: EMPTY,
    ...changes,
  };
}

function cutAfter(count: number, rest: readonly string[], changes: Partial<Run> = {}): Run {
  const victim = LINES.slice(0, count);
  return runOf([...victim, ...rest], { victimLog: logOf(victim), ...changes });
}

const at = (recovery: Recovery): Place => ({ call: 1, point: 'lost', recovery });
const found = (cut: Run, recovery: Recovery = 'same') => differences(runOf(LINES), cut, at(recovery)).join('\n');

describe('what a sweep takes for the same', () => {
  test('a log that goes on, says so, and repeats what it needs', () => {
    assert.equal(found(cutAfter(2, [RESUMING, 'Begin', 'Done', 'End'])), '');
    assert.equal(found(cutAfter(5, [])), '', 'only the result was left');
    assert.equal(found(cutAfter(1, [ELSEWHERE, RESUMING, ...LINES.slice(1)]), 'other'), '');
  });

  test('events of AWS that came sooner, as they do while nobody looks', () => {
    const [event, other] = ['# AWS Event: started 1 task', '# AWS Event: stopped 1 task'];
    const whole = runOf(['Begin', 'Waiting', event, other, 'End']);
    const cut = (...rest: string[]) => runOf(['Begin', RESUMING, ...rest], { victimLog: logOf(['Begin']) });
    assert.deepEqual(differences(whole, cut(event, other, 'Waiting', 'End'), at('same')), []);
    assert.match(differences(whole, cut(event, 'Waiting', 'End'), at('same')).join(), /stopped 1 task" is missing/);
    assert.match(differences(whole, cut(event, other, 'End'), at('same')).join(), /"Waiting" is missing/);
  });

  test('ids, times and addresses that AWS gave otherwise', () => {
    const output = (id: string) => ({ outcome: 'succeeded', output: { task: `task/${id}` } }) as const;
    const whole = runOf(LINES, { outcome: output('986619a8051a4c7b9ac454ad37b6bd5c') });
    const cut = cutAfter(1, [RESUMING, ...LINES.slice(1)], { outcome: output('0123456789abcdef0123456789abcdef') });
    assert.deepEqual(differences(whole, cut, at('same')), []);
  });
});

describe('what a sweep finds', () => {
  const cases: readonly (readonly [string, Run, RegExp, Recovery?])[] = [
    ['a line that is missing', cutAfter(1, [RESUMING, 'Registering the definition', 'End']), /L4.*"Done" is missing/],
    ['lines out of order', cutAfter(1, [RESUMING, 'Done', 'Registering the definition', 'End']), /L4/],
    ['a line that no whole run says', cutAfter(1, [RESUMING, ...LINES.slice(1, 4), 'Oops', 'End']), /L5.*"Oops"/],
    ['a log that does not say that it goes on', cutAfter(1, LINES.slice(1)), /L3/],
    ['a log that ends otherwise', cutAfter(1, [RESUMING, ...LINES.slice(1), 'More']), /L6/],
    [
      'a log that lost lines of the killed delegate',
      runOf([RESUMING, ...LINES], { victimLog: logOf(LINES.slice(0, 2)) }),
      /L2/,
    ],
    [
      'a killed delegate that said something else',
      runOf(['Hm', RESUMING, ...LINES], { victimLog: logOf(['Hm']) }),
      /L1/,
    ],
    ['a takeover that the log does not tell of', cutAfter(1, [RESUMING, ...LINES.slice(1)]), /L2/, 'other'],
    ['another output', cutAfter(5, [], { outcome: { outcome: 'succeeded', output: {} } }), /outcome and output/],
    ['other facts', cutAfter(5, [], { facts: { undo: 1 } }), /facts/],
    ['a second revision', cutAfter(5, [], { world: { ...EMPTY, families: { web: 2 } } }), /revisions of web/],
    ['a leftover target', cutAfter(5, [], { world: withTarget() }), /the world/],
    ['fewer tasks on the way', cutAfter(5, [], { fewestRunning: 1 }), /capacity/],
    ['another call', cutAfter(5, [], { calls: [] }), /the calls until the kill/],
  ];
  for (const [what, cut, complaint, recovery] of cases) {
    test(what, () => assert.match(found(cut, recovery), complaint));
  }

  test('a stored log that is not what was produced', () => {
    const cut = cutAfter(5, []);
    assert.match(found({ ...cut, log: logOf([...LINES.slice(0, 4), 'End!']) }), /bytes are stored/);
    assert.match(found({ ...cut, log: cut.log.replace('Begin', 'Began') }), /not what was written/);
    assert.match(found({ ...cut, result: undefined }), /no result message/);
  });
});

function withTarget(): WorldState {
  const target = {
    ServiceNamespace: 'ecs',
    ResourceId: 'service/c/web',
    ScalableDimension: 'ecs:service:DesiredCount',
  } as const;
  return {
    ...EMPTY,
    scalableTargets: { left: { ...target, MinCapacity: 0, MaxCapacity: 4, RoleARN: '', CreationTime: 0 } },
  };
}
