import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { afterEach, describe, test } from 'node:test';
import { status } from '@grpc/grpc-js';
import type { Logger } from '@outrider/control-plane/app/logger.ts';
import type { ServerMessage } from '@outrider/shared/protocol/messages.ts';
import { commonVersion, PROTOCOL_RANGE, type ProtocolRange, rangeText } from '@outrider/shared/protocol/versions.ts';
import fc from 'fast-check';
import { done, Rig } from '../../delegate/agent/rig.ts';
import { eventually } from '../../support/processes.ts';
import { RawDelegate } from './raw-delegate.ts';

const range = (min: number, max: number): ProtocolRange => ({ min, max });
/** What a delegate of protocol 1 understands on Control. */
const KINDS_OF_1: readonly ServerMessage['kind'][] = [
  'welcome',
  'offer',
  'lease',
  'refused',
  'heartbeat-ack',
  'cancel',
  'checkpoint-ack',
  'result-ack',
  'drain',
];

/** Control planes and delegates that meet in an upgrade, and what they agree on. */
const MEETINGS = [
  { controlPlane: range(1, 1), delegate: range(1, 1), wanted: 1 },
  { controlPlane: range(1, 1), delegate: range(1, 2), wanted: 1 },
  { controlPlane: range(1, 2), delegate: range(1, 1), wanted: 1 },
  { controlPlane: range(1, 2), delegate: range(1, 2), wanted: 2 },
  { controlPlane: range(1, 2), delegate: range(2, 3), wanted: 2 },
  { controlPlane: range(2, 3), delegate: range(1, 2), wanted: 2 },
  { controlPlane: range(1, 1), delegate: range(2, 2), wanted: undefined },
  { controlPlane: range(2, 2), delegate: range(1, 1), wanted: undefined },
  { controlPlane: range(1, 2), delegate: range(3, 4), wanted: undefined },
] as const;

describe('versions of the protocol', () => {
  let rig: Rig;
  const raws: RawDelegate[] = [];
  afterEach(async () => {
    for (const delegate of raws.splice(0)) delegate.close();
    await rig.close();
  });
  const ended = (id: string) =>
    eventually(`${id} has ended`, async () => ((await rig.row(id)).state === 'ended' ? true : undefined));
  const work = async (stepId: string) => await ended(await rig.enqueue(stepId));
  const raw = () => {
    const delegate = new RawDelegate(rig.server.port);
    raws.push(delegate);
    return delegate;
  };

  for (const { controlPlane, delegate: spoken, wanted } of MEETINGS) {
    const meeting = `a control plane of ${rangeText(controlPlane)} and a delegate of ${rangeText(spoken)}`;
    if (wanted === undefined) {
      test(`${meeting} do not work together, and the delegate is told both ranges`, async () => {
        rig = await Rig.start({ protocol: controlPlane });
        const delegate = raw();
        delegate.hello('one', { protocolMin: spoken.min, protocolMax: spoken.max });
        const refused = await delegate.ended();
        assert.equal(refused.code, status.FAILED_PRECONDITION);
        assert.match(
          refused.details,
          new RegExp(`speaks protocol ${rangeText(spoken)}, the control plane ${rangeText(controlPlane)}$`),
        );

        const said: string[] = [];
        const logger: Logger = { debug() {}, info() {}, warn() {}, error: (_fields, message) => said.push(message) };
        await rig.delegate('one', async () => done(), {}, { protocol: spoken, logger });
        await eventually('the operator of the delegate can read it', () =>
          said.find((line) => line.includes(refused.details)),
        );
      });
    } else {
      test(`${meeting} speak ${wanted}, and a step runs`, async () => {
        rig = await Rig.start({ protocol: controlPlane });
        const welcome = await raw().welcomed('raw', {
          protocolMin: spoken.min,
          protocolMax: spoken.max,
          stepTypes: [],
        });
        assert.equal(welcome.protocol, wanted);
        await rig.delegate('one', async () => done(), {}, { protocol: spoken });
        await work('p1.1');
      });
    }
  }

  test('a delegate of protocol 1 gets through the whole life of steps without a word that it does not know', async () => {
    rig = await Rig.start({ protocol: range(1, 2), timings: { offerAcceptMs: 5_000 } });
    const delegate = raw();
    const { protocol, sessionId } = await delegate.welcomed('one', { protocolMin: 1, protocolMax: 1 });
    assert.equal(protocol, 1);
    delegate.openLogs(sessionId);
    assert.equal((await delegate.nextLogReply()).kind, 'opened');
    const taken = async (stepId: string) => {
      const taskId = await rig.enqueue(stepId);
      const { epoch } = await delegate.next('offer');
      delegate.send({ kind: 'accept', taskId, epoch });
      await delegate.next('lease');
      return { taskId, epoch };
    };
    const first = await taken('p1.1');
    delegate.send({ kind: 'heartbeat', sequence: 1, running: [first], slotsFree: 1 });
    await delegate.next('heartbeat-ack');
    delegate.send({ kind: 'checkpoint', ...first, sequence: 1, facts: { a: 1 } });
    await delegate.next('checkpoint-ack');
    delegate.send({ kind: 'checkpoint', ...first, epoch: first.epoch + 7, sequence: 2, facts: {} });
    await delegate.next('refused');
    const logSha256 = createHash('sha256').digest('hex');
    const result = { outcome: 'succeeded', output: {} } as const;
    delegate.send({ kind: 'result', ...first, result, logBytes: 0, logFrom: 0, logSha256 });
    assert.equal((await delegate.next('result-ack')).status, 'committed');
    const second = await taken('p1.2');
    await rig.store.cancelTask(second.taskId, 'aborted', 'enough');
    rig.engine.nudge();
    await delegate.next('cancel');
    rig.dispatcher.drain(10, 'an upgrade');
    await delegate.next('drain');
    const kinds = new Set(delegate.everything.map((message) => message.kind));
    assert.deepEqual(kinds, new Set(KINDS_OF_1));
  });

  test('a control plane that speaks 1 only has no method of 2', async () => {
    rig = await Rig.start({ protocol: range(1, 1) });
    const answer = await raw().renew('odc_aa_0123456789abcdef', 'x'.repeat(43));
    assert.ok('code' in answer);
    assert.equal(answer.code, status.UNIMPLEMENTED);
  });

  test('through an upgrade to 2 and back the delegate works on, and asks for what is new only where it is known', async () => {
    const life = { tls: true, credentialTtlMs: 3_000, doorProtocol: range(1, 2) };
    rig = await Rig.start({ ...life, protocol: range(1, 1) });
    const renewals: number[] = [];
    let spoken = 1;
    const listen = () => {
      const renew = rig.joining.renew.bind(rig.joining);
      Object.assign(rig.joining, {
        renew: async (...given: Parameters<typeof renew>) => {
          renewals.push(spoken);
          return await renew(...given);
        },
      });
    };
    const becomes = async (protocol: ProtocolRange) => {
      await rig.killControlPlane();
      spoken = protocol.max;
      await rig.restartControlPlane(rig.store, { protocol });
      listen();
    };
    listen();
    const joinToken = await rig.joinToken('one', null);
    let finish = false;
    const delegate = await rig.delegate(
      'one',
      async (task, _facts, ctx) => {
        for (let count = 0; task.stepId === 'p9.1' && !finish; count++) {
          await ctx.checkpoint({ count });
          await ctx.sleep(10);
        }
        return done();
      },
      { joinToken },
    );
    const long = await rig.enqueue('p9.1');
    await work('p1.1');
    await becomes(range(1, 2));
    await work('p1.2');
    await eventually('it was renewed', () => renewals.find((version) => version === 2));
    await becomes(range(1, 1));
    await work('p1.3');
    finish = true;
    await ended(long);
    assert.equal((await rig.row(long)).epoch, 1, 'it stayed with its delegate all the time');
    assert.equal(renewals.includes(1), false, renewals.join());
    assert.equal(delegate.connected, true);
  });

  test('two sides agree on the newest version that both speak, whoever is asked', async () => {
    rig = await Rig.start();
    const anyRange = fc
      .tuple(fc.integer({ min: 1, max: 9 }), fc.nat({ max: 4 }))
      .map(([min, more]) => range(min, min + more));
    fc.assert(
      fc.property(anyRange, anyRange, (ours, theirs) => {
        const both = [...Array(20).keys()].filter((version) =>
          [ours, theirs].every(({ min, max }) => min <= version && version <= max),
        );
        assert.equal(commonVersion(ours, theirs), both.at(-1));
        assert.equal(commonVersion(theirs, ours), both.at(-1));
      }),
    );
    assert.deepEqual(PROTOCOL_RANGE, range(1, 2));
  });
});
