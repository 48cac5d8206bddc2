import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { done, Rig } from '../../delegate/agent/rig.ts';
import { eventually } from '../../support/processes.ts';
import { RawDelegate } from '../grpc/raw-delegate.ts';

describe('offering work', () => {
  let rig: Rig;
  const raws: RawDelegate[] = [];
  const raw = (instanceId?: string) => {
    const delegate = new RawDelegate(rig.server.port, instanceId === undefined ? {} : { instanceId });
    raws.push(delegate);
    return delegate;
  };
  beforeEach(async () => {
    rig = await Rig.start();
  });
  afterEach(async () => {
    for (const delegate of raws.splice(0)) delegate.close();
    await rig.close();
  });
  const ended = (id: string) =>
    eventually(`${id} has ended`, async () => ((await rig.row(id)).state === 'ended' ? true : undefined));

  test('an offer that nobody accepts goes to the next delegate under the next epoch', async () => {
    const silent = raw();
    await silent.welcomed('a-silent');
    const id = await rig.enqueue('p1.1');
    const offer = await silent.next('offer');
    assert.equal(offer.epoch, 1);
    assert.equal(offer.acceptWithinMs, 400);
    const other = raw();
    await other.welcomed('b-other');
    const again = await other.next('offer');
    assert.deepEqual([again.taskId, again.epoch], [id, 2]);
    // What the first one says now is too late, and is told so by name.
    silent.send({ kind: 'accept', taskId: id, epoch: 1 });
    const refused = await silent.next('refused');
    assert.deepEqual([refused.code, refused.what, refused.epoch], ['stale-epoch', 'accept', 1]);
    other.send({ kind: 'accept', taskId: id, epoch: 2 });
    const lease = await other.next('lease');
    assert.deepEqual([lease.taskId, lease.epoch], [id, 2]);
  });

  test('a step whose offers nobody accepts fails, and says who let them go by', async () => {
    await raw().welcomed('silent');
    const id = await rig.enqueue('p1.1');
    await ended(id);
    const [input] = rig.engine.inputs;
    assert.ok(input?.kind === 'task-undeliverable');
    assert.equal(input.failure.code, 'delegate-lost');
    assert.equal(input.failure.failureType, 'delegate');
    assert.match(input.failure.message, /3 offers/);
    assert.equal(input.failure.evidence.length, 3);
    assert.match(input.failure.evidence[0] ?? '', /^silent: did not accept it/);
  });

  test('a delegate that says nothing is offered nothing more: deliveries are not used up, and what is waited for is said', async () => {
    await rig.close();
    rig = await Rig.start({ timings: { offerSilenceMs: 300, noDelegateTimeoutMs: 800 } });
    await raw().welcomed('one');
    const id = await rig.enqueue('p1.1');
    await ended(id);
    const [input] = rig.engine.inputs;
    assert.ok(input?.kind === 'task-undeliverable');
    assert.equal(input.failure.code, 'no-eligible-delegate');
    assert.match(input.failure.evidence.join(), /one: it has said nothing for \d+ s/);
  });

  test('a delegate that is heard again is offered what waited', async () => {
    await rig.close();
    rig = await Rig.start({ timings: { offerSilenceMs: 300 } });
    const delegate = raw();
    await delegate.welcomed('one');
    const id = await rig.enqueue('p1.1');
    await delegate.next('offer');
    await eventually('the offer came back', async () => ((await rig.row(id)).deliveries === 1 ? true : undefined));
    delegate.send({ kind: 'heartbeat', sequence: 1, running: [], slotsFree: 1 });
    const again = await delegate.next('offer');
    assert.deepEqual([again.taskId, again.epoch], [id, 2]);
  });

  test('a rejected offer goes to another delegate at once', async () => {
    const busy = raw();
    await busy.welcomed('busy');
    const id = await rig.enqueue('p1.1');
    const offer = await busy.next('offer');
    const free = raw();
    await free.welcomed('free');
    busy.send({ kind: 'reject', taskId: id, epoch: offer.epoch, code: 'no-slot', message: 'full' });
    const again = await free.next('offer');
    assert.equal(again.epoch, 2);
    assert.equal(busy.has('offer'), false);
  });

  test('an accept that is sent twice gets its lease twice', async () => {
    const delegate = raw();
    await delegate.welcomed('one');
    const id = await rig.enqueue('p1.1');
    const { epoch } = await delegate.next('offer');
    delegate.send({ kind: 'accept', taskId: id, epoch });
    await delegate.next('lease');
    const before = (await rig.row(id)).leaseUntilMs ?? 0;
    await eventually('time has passed', () => (Date.now() > before - 2_950 ? true : undefined));
    delegate.send({ kind: 'accept', taskId: id, epoch });
    await delegate.next('lease');
    assert.equal(rig.engine.inputs.filter((input) => input.kind === 'task-accepted').length, 1);
    assert.ok(((await rig.row(id)).leaseUntilMs ?? 0) > before, 'the delegate counts from its second accept');
  });

  test('two delegates with tags each get the steps whose selectors they match', async () => {
    const ran: string[] = [];
    const recipe = (name: string) => async (task: { stepId: string }) => {
      ran.push(`${name} ${task.stepId}`);
      return done();
    };
    await rig.delegate('one', recipe('one'), { tags: ['vpc-stage', 'linux'] });
    await rig.delegate('two', recipe('two'), { tags: ['vpc-prod', 'linux'] });
    await eventually('both are there', () =>
      rig.dispatcher.fleet().filter((d) => d.connected).length === 2 ? true : undefined,
    );
    const ids = [
      await rig.enqueue('p1.1', { selectors: ['vpc-prod'] }),
      await rig.enqueue('p1.2', { selectors: ['linux', 'vpc-stage'] }),
      await rig.enqueue('p1.3', { selectors: ['two'] }),
    ];
    for (const id of ids) await ended(id);
    assert.deepEqual(ran.toSorted(), ['one p1.2', 'two p1.1', 'two p1.3']);
  });

  test('a step that no delegate can take waits for one and then fails, saying of each why not', async () => {
    await rig.close();
    rig = await Rig.start({ timings: { noDelegateTimeoutMs: 300 } });
    await rig.delegate('one', async () => done(), { tags: ['edge'] });
    await eventually('it is there', () => (rig.dispatcher.fleet().some((d) => d.connected) ? true : undefined));
    const id = await rig.enqueue('p1.1', { selectors: ['vpc-stage'] });
    await ended(id);
    const [input] = rig.engine.inputs;
    assert.ok(input?.kind === 'task-undeliverable');
    assert.equal(input.failure.code, 'no-eligible-delegate');
    assert.deepEqual(input.failure.evidence, ['one: it lacks the tag vpc-stage (it has edge)']);
  });

  test('a step that waits for a delegate goes to the first that comes', async () => {
    const id = await rig.enqueue('p1.1', { selectors: ['late'] });
    await rig.delegate('late', async () => done());
    await ended(id);
    assert.equal((await rig.row(id)).delegate, 'late');
  });

  test('a cancelled step that nobody has taken ends without a delegate', async () => {
    const id = await rig.enqueue('p1.1', { selectors: ['nobody'] });
    await rig.store.cancelTask(id, 'aborted', 'no more');
    rig.engine.nudge();
    await ended(id);
    assert.deepEqual(rig.engine.inputs, [
      { kind: 'task-ended', stepId: 'p1.1', attempt: 1, result: { outcome: 'stopped', message: 'no delegate had it' } },
    ]);
  });

  test('a cancelled offer is withdrawn, and an accept that comes later is refused', async () => {
    const delegate = raw();
    await delegate.welcomed('one');
    const id = await rig.enqueue('p1.1');
    const { epoch } = await delegate.next('offer');
    await rig.store.cancelTask(id, 'aborted', 'no more');
    rig.engine.nudge();
    await ended(id);
    delegate.send({ kind: 'accept', taskId: id, epoch });
    const refused = await delegate.next('refused');
    assert.equal(refused.what, 'accept');
    assert.equal(delegate.has('lease'), false);
  });

  test('a delegate that is held back or drains gets no offers', async () => {
    const one = raw();
    await one.welcomed('one');
    assert.equal(rig.dispatcher.holdBack('one', true), true);
    assert.equal(rig.dispatcher.holdBack('nobody', true), false);
    const two = raw();
    await two.welcomed('two');
    two.send({ kind: 'draining', reason: 'going' });
    await eventually('it drains', () => (rig.dispatcher.fleet().every((d) => d.draining) ? true : undefined));
    await rig.enqueue('p1.1');
    await eventually('a look at it', () => (rig.dispatcher.fleet().length === 2 ? true : undefined));
    rig.dispatcher.holdBack('one', false);
    const offer = await one.next('offer');
    assert.equal(offer.epoch, 1);
    assert.equal(two.has('offer'), false);
  });

  test('a delegate that does not stop a cancelled step loses its lease, and the step ends without it', async () => {
    await rig.close();
    rig = await Rig.start({ timings: { cancelAcknowledgeMs: 200, leaseTtlMs: 500, callDeadlineMs: 100 } });
    const delegate = raw();
    await delegate.welcomed('one');
    const id = await rig.enqueue('p1.1');
    const { epoch } = await delegate.next('offer');
    delegate.send({ kind: 'accept', taskId: id, epoch });
    await delegate.next('lease');
    await rig.store.cancelTask(id, 'aborted', 'stop');
    rig.engine.nudge();
    assert.equal((await delegate.next('cancel')).reason, 'aborted');
    let sequence = 0;
    const timer = setInterval(() => {
      delegate.send({ kind: 'heartbeat', sequence: ++sequence, running: [{ taskId: id, epoch }], slotsFree: 1 });
    }, 50);
    try {
      await ended(id);
    } finally {
      clearInterval(timer);
    }
    assert.ok(delegate.received.some((message) => message.kind === 'heartbeat-ack' && message.lost.length === 1));
  });

  test('a cancel that may have been lost is said again', async () => {
    await rig.close();
    rig = await Rig.start({ timings: { cancelAgainMs: 50 } });
    const delegate = raw();
    await delegate.welcomed('one');
    const id = await rig.enqueue('p1.1');
    const { epoch } = await delegate.next('offer');
    delegate.send({ kind: 'accept', taskId: id, epoch });
    await delegate.next('lease');
    await rig.store.cancelTask(id, 'aborted', 'stop');
    rig.engine.nudge();
    const first = await delegate.next('cancel');
    await eventually('it is said again', () => {
      rig.engine.nudge();
      return delegate.has('cancel') ? true : undefined;
    });
    assert.deepEqual(await delegate.next('cancel'), first);
  });

  test('a clone of a delegate does not get the work of its twin', async () => {
    const twin = raw();
    await twin.welcomed('one');
    const id = await rig.enqueue('p1.1');
    const { epoch } = await twin.next('offer');
    twin.send({ kind: 'accept', taskId: id, epoch });
    await twin.next('lease');
    const clone = raw();
    const item = { taskId: id, epoch, phase: 'running', logOffset: 0, resultSha256: '' } as const;
    const welcome = await clone.welcomed('one', { inventory: [item] });
    assert.deepEqual(
      welcome.directives.map((directive) => directive.action),
      ['stop'],
    );
    assert.equal((await rig.row(id)).instanceId, twin.instanceId);
    assert.equal(rig.dispatcher.fleet()[0]?.instances, 2);
  });

  test('a delegate that still knows an acknowledged result is no news for the log', async () => {
    const told: string[] = [];
    const say = (_fields: object, message: string) => void told.push(message);
    await rig.close();
    rig = await Rig.start({ logger: { debug() {}, info: say, warn: say, error: say } });
    await rig.delegate('one', async () => done());
    const id = await rig.enqueue('p1.1');
    await ended(id);
    const { epoch } = await rig.row(id);
    const item = { taskId: id, epoch, phase: 'finished', logOffset: 0, resultSha256: '' } as const;
    const welcome = await raw().welcomed('one', { inventory: [item] });
    assert.equal(welcome.directives[0]?.action, 'stop');
    assert.deepEqual(
      told.filter((message) => message.includes('forget')),
      [],
    );
  });

  test('an instance that comes again takes the place of its dead connection', async () => {
    const before = raw('instance-1');
    await before.welcomed('one');
    const id = await rig.enqueue('p1.1');
    const { epoch } = await before.next('offer');
    before.send({ kind: 'accept', taskId: id, epoch });
    await before.next('lease');
    const again = raw('instance-1');
    const item = { taskId: id, epoch, phase: 'running', logOffset: 0, resultSha256: '' } as const;
    const welcome = await again.welcomed('one', { inventory: [item] });
    assert.deepEqual(
      welcome.directives.map((directive) => directive.action),
      ['keep'],
    );
    await before.ended();
    assert.equal(rig.dispatcher.fleet()[0]?.instances, 1);
  });

  test('a delegate that says nothing for too long is taken for gone', async () => {
    await rig.close();
    rig = await Rig.start({ timings: { sessionLostMs: 200 } });
    const delegate = raw();
    await delegate.welcomed('one');
    assert.equal(rig.dispatcher.fleet()[0]?.connected, true);
    await delegate.ended();
    assert.equal(rig.dispatcher.fleet()[0]?.connected, false);
  });

  test('a delegate that is removed is shown the door, and is not known any more', async () => {
    const delegate = raw();
    await delegate.welcomed('one');
    assert.equal(await rig.dispatcher.removeDelegate('one'), 'ok');
    assert.match((await delegate.ended()).details, /was removed/);
    assert.equal(await rig.dispatcher.removeDelegate('one'), 'unknown');
    assert.deepEqual(rig.dispatcher.fleet(), []);
  });
});
