import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { newSecret, signedHeaders } from '@outrider/control-plane/app/webhooks/signature.ts';
import { WEBHOOK_TIMINGS } from '@outrider/control-plane/app/webhooks/timings.ts';
import { verdictOf } from '@outrider/control-plane/app/webhooks/verdict.ts';

const NOW = 1_700_000_000_000;
const answered = (status: number, retryAfter: string | null = null) =>
  ({ kind: 'answered', status, retryAfter }) as const;
const verdict = (outcome: Parameters<typeof verdictOf>[0], tries = 0, chance = 0) =>
  verdictOf(outcome, tries, NOW, chance, WEBHOOK_TIMINGS);

describe('what follows from an attempt', () => {
  test('any 2xx is delivered', () => {
    for (const status of [200, 201, 202, 204, 299]) {
      const { state, nextAttemptMs, because } = verdict(answered(status));
      assert.deepEqual([state, nextAttemptMs, because], ['delivered', null, null]);
    }
  });

  test('what failed is tried again after growing pauses, for about a day, and then given up', () => {
    const ends: number[] = [];
    let atMs = 0;
    for (let tries = 0; ; tries++) {
      const { state, nextAttemptMs } = verdict(answered(500), tries);
      if (nextAttemptMs === null) {
        assert.equal(state, 'failed');
        break;
      }
      atMs += nextAttemptMs - NOW;
      ends.push(atMs / 1_000);
    }
    assert.deepEqual(ends, [5, 35, 335, 2_135, 9_335, 27_335, 56_135, 84_935]);
  });

  test('pauses vary by a tenth at most', () => {
    assert.equal(verdict(answered(500), 0, 0.999).nextAttemptMs, NOW + 5_500);
  });

  test('a receiver that asks for a longer pause gets it, within a limit', () => {
    assert.equal(verdict(answered(429, '120')).nextAttemptMs, NOW + 120_000);
    assert.equal(verdict(answered(503, '1')).nextAttemptMs, NOW + 5_000, 'never shorter than ours');
    assert.equal(verdict(answered(503, '999999999')).nextAttemptMs, NOW + WEBHOOK_TIMINGS.longestPauseMs);
    assert.equal(verdict(answered(503, new Date(NOW + 60_000).toUTCString())).nextAttemptMs, NOW + 60_000);
    assert.equal(verdict(answered(503, 'soon')).nextAttemptMs, NOW + 5_000);
  });

  test('410 ends it for good, and a redirect is a failure that says so', () => {
    const { state, gone } = verdict(answered(410));
    assert.deepEqual([state, gone], ['failed', true]);
    assert.match(verdict(answered(302)).because ?? '', /302: redirects are not followed/);
    assert.equal(verdict({ kind: 'failed', because: 'no answer within 15 s' }).because, 'no answer within 15 s');
  });
});

describe('the signature', () => {
  const delivery = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', payload: '{"test": 2432232314}' };
  const published = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

  test('is the one that Standard Webhooks publishes for its sample', () => {
    const headers = signedHeaders({ secrets: [{ secret: published, untilMs: null }] }, delivery, 1_614_265_330_999);
    assert.deepEqual(headers, {
      'webhook-id': delivery.id,
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  test('while a secret is rotated both sign, and the old one no longer than it is good', () => {
    const other = newSecret({ bytes: (count) => new Uint8Array(count).fill(7) });
    assert.match(other, /^whsec_[A-Za-z0-9+/]{43}=$/);
    const secrets = [
      { secret: other, untilMs: null },
      { secret: published, untilMs: NOW + 1 },
    ];
    assert.equal(signedHeaders({ secrets }, delivery, NOW)['webhook-signature']?.split(' ').length, 2);
    assert.equal(signedHeaders({ secrets }, delivery, NOW + 1)['webhook-signature']?.split(' ').length, 1);
  });
});
