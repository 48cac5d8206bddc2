import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { status } from '@grpc/grpc-js';
import type { Logger } from '@outrider/control-plane/app/logger.ts';
import { OutriderError } from '@outrider/shared/errors.ts';
import { formatCredential, parseCredential } from '@outrider/shared/protocol/join-token.ts';
import {
  CREDENTIAL_OVERLAP_MS,
  CREDENTIAL_TTL_MS,
  HEARTBEAT_MS,
  INSTANCE_SILENT_HEARTBEATS,
  JOIN_REPEAT_MS,
} from '@outrider/shared/protocol/timings.ts';
import { Rig } from '../../delegate/agent/rig.ts';
import { eventually } from '../../support/processes.ts';
import { RawDelegate } from './raw-delegate.ts';

const SECOND_MS = 1_000;

describe('the credential of a delegate', () => {
  let rig: Rig;
  let aheadMs = 0;
  let said: string[] = [];
  const raws: RawDelegate[] = [];
  const hear: Logger['error'] = (_fields, message) => said.push(message);
  beforeEach(async () => {
    aheadMs = 0;
    said = [];
    rig = await Rig.start({
      credentials: true,
      clock: { now: () => Date.now() + aheadMs },
      logger: { debug() {}, info() {}, warn: hear, error: hear },
      timings: { heartbeatMs: HEARTBEAT_MS, sessionLostMs: CREDENTIAL_TTL_MS * 10, leaseTtlMs: 30_000 },
    });
  });
  afterEach(async () => {
    for (const delegate of raws.splice(0)) delegate.close();
    await rig.close();
  });

  async function joined(name: string): Promise<string> {
    const token = await rig.joinToken(name);
    const request = {
      joinToken: token?.text ?? '',
      delegateName: name,
      instanceId: 'i',
      version: '1',
      secretSha256: '',
    };
    return (await rig.joining.join(request)).credential;
  }
  function raw(bearer: string): RawDelegate {
    const delegate = new RawDelegate(rig.server.port, { bearer: `Bearer ${bearer}` });
    raws.push(delegate);
    return delegate;
  }
  const withSecret = (bearer: string, secret: string) =>
    formatCredential({ id: parseCredential(bearer)?.id ?? '', secret });
  const SECRET_2 = '2'.repeat(43);
  const SECRET_3 = '3'.repeat(43);
  const viewOf = (name: string) => rig.dispatcher.fleet().find((delegate) => delegate.name === name);

  /** How long after `act` the delegate's stream ended, and how. */
  async function endsAfter(delegate: RawDelegate, act: () => Promise<unknown>) {
    await act();
    const from = performance.now();
    const ended = await delegate.ended();
    return { ended, elapsedMs: performance.now() - from };
  }

  test('one that is revoked while its delegate is connected ends the session within a second', async () => {
    const delegate = raw(await joined('one'));
    const { sessionId } = await delegate.welcomed('one');
    delegate.openLogs(sessionId);
    assert.equal((await delegate.nextLogReply()).kind, 'opened');
    const { ended, elapsedMs } = await endsAfter(delegate, () => rig.store.revokeCredentials('one', Date.now()));
    assert.equal(ended.code, status.UNAUTHENTICATED);
    assert.match(ended.details, /was revoked/);
    assert.ok(elapsedMs < SECOND_MS, `${elapsedMs} ms`);
    assert.equal(viewOf('one')?.connected, false);
  });

  test('after the session was ended its stream of logs takes nothing more', async () => {
    const delegate = raw(await joined('one'));
    const { sessionId } = await delegate.welcomed('one');
    const id = await rig.enqueue('p1.1');
    const { epoch } = await delegate.next('offer');
    delegate.send({ kind: 'accept', taskId: id, epoch });
    await delegate.next('lease');
    delegate.openLogs(sessionId);
    await delegate.nextLogReply();
    await rig.store.revokeCredentials('one', Date.now());
    await delegate.ended();
    delegate.sendLog({
      kind: 'batch',
      taskId: id,
      epoch,
      offset: 0,
      data: Buffer.from('{"at":"","level":"INFO","text":"x"}\n'),
    });
    const ended = await eventually('the end of Logs', () => delegate.logsStatus);
    assert.equal(ended.code, status.FAILED_PRECONDITION);
    assert.equal((await rig.row(id)).logBytes, 0);
  });

  test('a delegate that is removed is out at once, and its credential with it', async () => {
    const bearer = await joined('one');
    const delegate = raw(bearer);
    await delegate.welcomed('one');
    const { ended, elapsedMs } = await endsAfter(delegate, () => rig.dispatcher.removeDelegate('one'));
    assert.equal(ended.code, status.UNAUTHENTICATED);
    assert.ok(elapsedMs < SECOND_MS, `${elapsedMs} ms`);
    const again = await raw(bearer).ended();
    assert.deepEqual([again.code, again.details], [status.UNAUTHENTICATED, 'the credential was revoked']);
    assert.equal(viewOf('one'), undefined);
  });

  test('one that expires while its delegate is connected ends the session', async () => {
    const delegate = raw(await joined('one'));
    await delegate.welcomed('one');
    aheadMs = CREDENTIAL_TTL_MS;
    const ended = await delegate.ended();
    assert.equal(ended.code, status.UNAUTHENTICATED);
    assert.match(ended.details, /has expired/);
  });

  test('one that was renewed does not end the session that its last generation began, and lasts longer', async () => {
    const bearer = await joined('one');
    const delegate = raw(bearer);
    await delegate.welcomed('one');
    aheadMs = CREDENTIAL_TTL_MS / 2;
    const answer = await delegate.renew(bearer, SECRET_2);
    assert.ok('generation' in answer);
    assert.equal(answer.generation, 2);
    assert.ok(Math.abs(answer.expiresAtMs - (Date.now() + aheadMs + CREDENTIAL_TTL_MS)) < SECOND_MS);
    aheadMs = CREDENTIAL_TTL_MS * 1.25;
    delegate.send({ kind: 'heartbeat', sequence: 1, running: [], slotsFree: 1 });
    assert.equal((await delegate.next('heartbeat-ack')).sequence, 1);
    delegate.close();
    await eventually('it is gone', () => (viewOf('one')?.connected === false ? true : undefined));
    await raw(withSecret(bearer, SECRET_2)).welcomed('one');
  });

  test('a renewal whose answer was lost is answered again, and the old generation opens nothing meanwhile', async () => {
    const bearer = await joined('one');
    const delegate = raw(bearer);
    const first = await delegate.renew(bearer, SECRET_2);
    assert.deepEqual(await delegate.renew(bearer, SECRET_2), first);
    aheadMs = CREDENTIAL_OVERLAP_MS * 100;
    assert.deepEqual(await delegate.renew(bearer, SECRET_2), first);
    assert.equal(viewOf('one')?.lock ?? null, null);
  });

  test('what was under way when the credential was renewed is refused and does no harm', async () => {
    const bearer = await joined('one');
    await raw(bearer).renew(bearer, SECRET_2);
    const late = await raw(bearer).ended();
    assert.equal(late.code, status.UNAUTHENTICATED);
    assert.match(late.details, /has been renewed/);
    await raw(withSecret(bearer, SECRET_2)).welcomed('one');
  });

  for (const [how, comeBack] of [
    ['opens a session', async (bearer: string) => await raw(bearer).ended()],
    ['wants to be renewed', async (bearer: string) => await raw(bearer).renew(bearer, SECRET_3)],
  ] as const) {
    test(`an old generation that ${how} shows a copied key: both stay outside until an operator acts`, async () => {
      const bearer = await joined('one');
      const rightful = raw(bearer);
      await rightful.welcomed('one');
      await rightful.renew(bearer, SECRET_2);
      aheadMs = CREDENTIAL_OVERLAP_MS + 1;
      const clone = await comeBack(bearer);
      assert.ok('code' in clone);
      assert.equal(clone.code, status.UNAUTHENTICATED);
      assert.match(clone.details, /one is locked until an operator unlocks it: .*generation 1 came back.*newest is 2/);
      const ended = await rightful.ended();
      assert.equal(ended.code, status.UNAUTHENTICATED);
      // Told once, with what to do.
      const locked = said.filter((line) => /is locked/.test(line));
      assert.equal(locked.length, 1, locked.join('\n'));
      assert.match(locked[0] ?? '', /outrider delegates unlock one/);
      assert.match(viewOf('one')?.lock?.because ?? '', /its key was copied/);

      for (const secret of [SECRET_2, SECRET_3]) {
        const refused = await raw(withSecret(bearer, secret)).ended();
        assert.equal(refused.code, status.UNAUTHENTICATED);
      }
      const token = await rig.joinToken('one', 1, CREDENTIAL_OVERLAP_MS * 10);
      const request = { joinToken: token?.text ?? '', delegateName: 'one', instanceId: 'i', version: '1' };
      const join = () => rig.joining.join({ ...request, secretSha256: '' });
      await assert.rejects(
        join(),
        (thrown: unknown) => thrown instanceof OutriderError && /is locked/.test(thrown.message),
      );

      assert.equal(await rig.joining.unlock('one', 'ada'), true);
      await eventually('it is shown as unlocked', () => (viewOf('one')?.lock === null ? true : undefined));
      await raw((await join()).credential).welcomed('one');
      const still = await raw(withSecret(bearer, SECRET_2)).ended();
      assert.match(still.details, /was revoked/);
    });
  }

  test('a second machine with the credential of one that lives is turned away, and operators see it', async () => {
    const bearer = await joined('one');
    const first = raw(bearer);
    await first.welcomed('one');
    const second = raw(bearer);
    second.hello('one');
    const ended = await second.ended();
    assert.equal(ended.code, status.ABORTED);
    assert.match(ended.details, new RegExp(`another instance of one \\(${first.instanceId}\\) lives`));
    assert.equal(viewOf('one')?.instances, 1);
    assert.notEqual(viewOf('one')?.twinSeenMs, null);
    first.send({ kind: 'heartbeat', sequence: 1, running: [], slotsFree: 1 });
    await first.next('heartbeat-ack');
  });

  test('an instance whose machine vanished gives way to its successor, which keeps its work', async () => {
    const bearer = await joined('one');
    const first = raw(bearer);
    await first.welcomed('one');
    const id = await rig.enqueue('p1.1');
    const { epoch } = await first.next('offer');
    first.send({ kind: 'accept', taskId: id, epoch });
    await first.next('lease');
    aheadMs = HEARTBEAT_MS * INSTANCE_SILENT_HEARTBEATS;
    const successor = raw(bearer);
    const item = { taskId: id, epoch, phase: 'running', logOffset: 0, resultSha256: '' } as const;
    const welcome = await successor.welcomed('one', { inventory: [item] });
    assert.equal(welcome.directives[0]?.action, 'keep');
    assert.match((await first.ended()).details, /newer instance/);
    assert.equal((await rig.row(id)).instanceId, successor.instanceId);
  });

  test('a delegate cannot end the session of another by naming its instance', async () => {
    const victim = raw(await joined('one'));
    await victim.welcomed('one');
    const other = raw(await joined('two'));
    other.hello('two', { instanceId: victim.instanceId });
    assert.equal((await other.ended()).code, status.PERMISSION_DENIED);
    assert.equal(viewOf('one')?.connected, true);
  });

  test('a join request whose answer was lost is answered again for a while, and its one use is spent once', async () => {
    const token = await rig.joinToken('one', 1, JOIN_REPEAT_MS * 10);
    const request = { joinToken: token?.text ?? '', delegateName: 'one', instanceId: 'i', version: '1' };
    const join = (secretSha256: string) => rig.joining.join({ ...request, secretSha256 });
    const first = await join('a'.repeat(64));
    assert.equal(first.credential, '');
    aheadMs = JOIN_REPEAT_MS - 60_000;
    assert.deepEqual(await join('a'.repeat(64)), first);
    await assert.rejects(join('b'.repeat(64)), /used already/);
    aheadMs = JOIN_REPEAT_MS + 60_000;
    await assert.rejects(join('a'.repeat(64)), /used already/);
    await rig.store.revokeCredentials('one', Date.now());
    aheadMs = 0;
    await assert.rejects(join('a'.repeat(64)), /revoked/);
  });
});
