import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HostClock } from './host-clock.ts';
import { Random } from './random.ts';
import { Lane, Scheduler } from './scheduler.ts';

async function collect(seed: number, act: (scheduler: Scheduler, note: (text: string) => void) => void) {
  const scheduler = new Scheduler({ seed, startMs: 0 });
  const seen: string[] = [];
  act(scheduler, (text) => seen.push(`${scheduler.now()} ${text}`));
  const end = await scheduler.run();
  return { scheduler, seen, end };
}

describe('virtual time', () => {
  test('events happen at their time, whatever order they were asked for in', async () => {
    const { seen, end } = await collect(1, (scheduler, note) => {
      for (const wait of [30, 10, 20.4, 0, 10.6]) scheduler.after(wait, () => note(`after ${wait}`));
    });
    assert.deepEqual(seen, ['0 after 0', '10 after 10', '11 after 10.6', '20 after 20.4', '30 after 30']);
    assert.equal(end, 'idle');
  });

  test('what an event sets going is over before the next event, however many promises it takes', async () => {
    const { seen } = await collect(1, (scheduler, note) => {
      scheduler.after(5, () => {
        void (async () => {
          for (let turn = 0; turn < 50; turn++) await Promise.resolve();
          note('done');
        })();
      });
      scheduler.after(5, () => note('other'), 'other', new Lane());
      scheduler.after(6, () => note('next'));
    });
    assert.deepEqual(seen.toSorted(), ['5 done', '5 other', '6 next']);
    assert.equal(seen.at(-1), '6 next');
  });

  test('events of one moment come in an order that the seed decides; those of one lane keep theirs', async () => {
    const order = async (seed: number) => {
      const { seen } = await collect(seed, (scheduler, note) => {
        const lane = new Lane();
        for (const name of ['a', 'b', 'c', 'd']) scheduler.after(7, () => note(name), name);
        for (const name of ['1', '2', '3']) scheduler.after(7, () => note(name), name, lane);
      });
      return seen.map((text) => text.slice(2)).join('');
    };
    const orders = new Set<string>();
    for (let seed = 0; seed < 40; seed++) {
      const first = await order(seed);
      assert.equal(await order(seed), first);
      assert.match(first, /1.*2.*3/);
      orders.add(first);
    }
    assert.ok(orders.size > 20, `${orders.size} orders of 40 seeds`);
  });

  test('nothing overtakes in an ordered lane, even where its way is shorter', async () => {
    const { seen } = await collect(3, (scheduler, note) => {
      const lane = new Lane({ ordered: true });
      for (const wait of [50, 10, 30, 70]) scheduler.after(wait, () => note(`${wait}`), 'message', lane);
    });
    assert.deepEqual(seen, ['50 50', '50 10', '50 30', '70 70']);
  });

  test('what was prevented does not happen', async () => {
    const { seen, scheduler } = await collect(1, (clock, note) => {
      const cancel = clock.after(10, () => note('never'));
      clock.after(5, cancel);
      clock.after(20, () => note('still'));
    });
    assert.deepEqual(seen, ['20 still']);
    assert.equal(scheduler.events, 2);
  });

  test('a run ends at its condition, at its time, or when it has run away', async () => {
    const scheduler = new Scheduler({ seed: 1, startMs: 0 });
    let ticks = 0;
    const tick = () => {
      ticks += 1;
      scheduler.after(10, tick, 'tick');
    };
    tick();
    assert.equal(await scheduler.run({ until: () => ticks === 5 }), 'condition');
    assert.equal(await scheduler.run({ untilMs: 95 }), 'time');
    assert.equal(scheduler.now(), 95);
    assert.equal(ticks, 10);
    assert.equal(await scheduler.run({ maxEvents: 7 }), 'events');
    assert.deepEqual(scheduler.pending(), ['00:00:00.170 tick']);
  });

  test('what an event throws ends the run', async () => {
    const scheduler = new Scheduler({ seed: 1 });
    scheduler.after(1, () => {
      throw new RangeError('broken');
    });
    await assert.rejects(scheduler.run(), /broken/);
  });
});

describe('chance', () => {
  test('a fork depends on seed and name alone, not on what was drawn', () => {
    const one = new Random(5);
    const other = new Random(5);
    for (let count = 0; count < 10; count++) other.unit();
    assert.deepEqual(one.fork('a').bytes(20), other.fork('a').bytes(20));
    assert.notDeepEqual(one.fork('a').bytes(20), one.fork('b').bytes(20));
    assert.notDeepEqual(new Random(6).fork('a').bytes(20), one.fork('a').bytes(20));
  });

  test('numbers are spread evenly', () => {
    const random = new Random(1);
    const counts = Array.from({ length: 10 }, () => 0);
    for (let count = 0; count < 10_000; count++) {
      const drawn = random.whole(0, 9);
      counts[drawn] = (counts[drawn] ?? 0) + 1;
    }
    for (const count of counts) assert.ok(count > 850 && count < 1_150, counts.join(' '));
  });
});

describe('a host', () => {
  function hosted() {
    const scheduler = new Scheduler({ seed: 1, startMs: 1_000 });
    const host = new HostClock(scheduler, { name: 'd1' });
    const seen: string[] = [];
    return { scheduler, host, seen, note: (text: string) => seen.push(`${scheduler.now()} ${text}`) };
  }

  test('a stopped process does at once, and in order, what fell due meanwhile', async () => {
    const { scheduler, host, seen, note } = hosted();
    host.after(500, () => note('second'));
    host.after(200, () => note('first'));
    host.after(5_000, () => note('later'));
    host.deliver(700, () => note('message'), 'message');
    host.freeze({ monotonicStands: false });
    scheduler.after(3_000, () => host.thaw());
    await scheduler.run();
    assert.deepEqual(seen, ['4000 first', '4000 second', '4000 message', '6000 later']);
  });

  test("a suspended machine's timers count on from where they stood; what came from outside was waiting", async () => {
    const { scheduler, host, seen, note } = hosted();
    host.after(200, () => note('timer'));
    host.after(4_000, () => note('later'));
    host.deliver(700, () => note('message'), 'message');
    scheduler.after(100, () => host.freeze({ monotonicStands: true }));
    scheduler.after(3_000, () => host.thaw());
    const before = host.instant();
    await scheduler.run();
    assert.deepEqual(seen, ['4000 message', '4100 timer', '7900 later']);
    const now = host.instant();
    assert.equal(now.wallMs - before.wallMs, 6_900);
    assert.equal(now.monotonicMs - before.monotonicMs, 4_000);
  });

  test('its wall clock jumps, and its timers do not notice', async () => {
    const { scheduler, host, seen, note } = hosted();
    host.after(200, () => note(`wall ${host.now()}, monotonic ${host.instant().monotonicMs}`));
    host.jump(-3_600_000);
    await scheduler.run();
    assert.deepEqual(seen, [`1200 wall ${1_200 - 3_600_000}, monotonic 200`]);
  });

  test('once killed it does nothing more, frozen or not', async () => {
    const { scheduler, host, seen, note } = hosted();
    host.after(200, () => note('timer'));
    host.deliver(300, () => note('message'), 'message');
    host.freeze({ monotonicStands: false });
    scheduler.after(400, () => host.kill());
    scheduler.after(500, () => host.thaw());
    await scheduler.run();
    host.after(1, () => note('after death'));
    await scheduler.run();
    assert.deepEqual(seen, []);
  });
});
