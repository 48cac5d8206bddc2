import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonical, POINTS, placeText, RECOVERIES, type RecordedCall } from './places.ts';
import { checkedPlaces, everyPlace } from './stories.ts';

const call = (operation: string, mutates: boolean): RecordedCall => ({
  service: 'ecs',
  operation,
  mutates,
  outcome: 'ok',
  followedBy: mutates ? 'message' : 'call',
});
const CALLS = [call('ListServices', false), call('CreateService', true), call('DescribeServices', false)];

test('a full sweep kills at every call and point, with either recovery', () => {
  const texts = everyPlace(CALLS).map((place) => placeText(place, CALLS));
  assert.equal(new Set(texts).size, CALLS.length * POINTS.length * RECOVERIES.length);
  assert.ok(texts.includes('killed before the answer of call 2 (CreateService), taken over by another delegate'));
});

test('a check kills at every point of each change, with either recovery where the answer is lost, and at looks', () => {
  for (const name of ['one story', 'another story', 'a third one']) {
    const places = checkedPlaces(name, CALLS);
    const change = places.filter((place) => place.call === 2);
    assert.deepEqual(change.map((place) => place.point).toSorted(), ['after', 'before', 'lost', 'lost']);
    assert.deepEqual(change.map((place) => place.recovery).toSorted(), ['other', 'other', 'same', 'same']);
    const looks = places.filter((place) => place.call !== 2);
    assert.deepEqual(looks.map((place) => place.recovery).toSorted(), ['other', 'same']);
    assert.deepEqual(checkedPlaces(name, CALLS), places, 'the same calls, the same places');
  }
});

test('a kill after a call is the one before the next call, unless something was said in between', () => {
  const recovery = 'same';
  assert.deepEqual(canonical({ call: 1, point: 'after', recovery }, CALLS), { call: 2, point: 'before', recovery });
  const saved = { call: 2, point: 'after', recovery } as const;
  assert.deepEqual(canonical(saved, CALLS), saved);
  const lost = { call: 1, point: 'lost', recovery } as const;
  assert.deepEqual(canonical(lost, CALLS), lost);
});
