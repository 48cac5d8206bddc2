import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { SteadyClock } from '@outrider/control-plane/app/dispatch/steady-clock.ts';

describe('the clock by which leases are counted', () => {
  let wallMs: number;
  let elapsedMs: number;
  let clock: SteadyClock;
  const pass = (milliseconds: number) => {
    wallMs += milliseconds;
    elapsedMs += milliseconds;
  };

  beforeEach(() => {
    wallMs = 1_000_000;
    elapsedMs = 50;
    clock = new SteadyClock({ now: () => wallMs, monotonic: () => elapsedMs });
  });

  test('goes with the wall clock as long as nobody sets that', () => {
    pass(12_345);
    assert.equal(clock.now(), 1_012_345);
    assert.equal(clock.setForwardTo, undefined);
  });

  test('does not jump when the machine’s clock is set forward, until it is told to follow', () => {
    pass(1_000);
    wallMs += 3_600_000;
    assert.equal(clock.now(), 1_001_000);
    assert.equal(clock.setForwardTo, 4_601_000);
    clock.follow(4_601_000);
    pass(10);
    assert.equal(clock.now(), 4_601_010);
    assert.equal(clock.setForwardTo, undefined);
  });

  test('never goes back', () => {
    wallMs -= 3_600_000;
    pass(500);
    assert.equal(clock.setForwardTo, undefined);
    clock.follow(wallMs);
    assert.equal(clock.now(), 1_000_500);
  });

  test('does not mind corrections of less than a second', () => {
    wallMs += 999;
    assert.equal(clock.setForwardTo, undefined);
    wallMs += 1;
    assert.equal(clock.setForwardTo, 1_001_000);
  });

  test('is the wall clock itself where nothing else tells the time', () => {
    const plain = new SteadyClock({ now: () => wallMs });
    wallMs += 3_600_000;
    assert.equal(plain.now(), 4_600_000);
    assert.equal(plain.setForwardTo, undefined);
  });
});
