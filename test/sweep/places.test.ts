import assert from 'node:assert/strict';
import { test } from 'node:test';
import { POINTS, placeText, RECOVERIES, type RecordedCall } from './places.ts';
import { checkedPlaces, everyPlace } from './stories.ts';

const call = (operation: string, mutates: boolean): RecordedCall => ({
  service: 'ecs',
  operation,
  mutates,
  outcome: 'ok',
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
