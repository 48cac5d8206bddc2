import assert from 'node:assert/strict';
import http2 from 'node:http2';
import { afterEach, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { encodeJoinRequest } from '@outrider/shared/protocol/codec.ts';
import { DELEGATE_SERVICE } from '@outrider/shared/protocol/service.ts';
import {
  CALLS_PER_CREDENTIAL,
  JOIN_CALLS_PER_ADDRESS_AT_ONCE,
  TRANSPORT_MAX_MESSAGE_BYTES,
} from '@outrider/shared/protocol/timings.ts';
import { Rig } from '../../delegate/agent/rig.ts';
import { message } from '../../fuzz/frames.ts';
import { bearer, type Call, Peer } from '../../fuzz/peer.ts';
import { eventually } from '../../support/processes.ts';

describe('what calls may cost before anybody knows who makes them', () => {
  const open: { close(): Promise<void> | void }[] = [];
  afterEach(async () => {
    for (const each of open.splice(0).toReversed()) await each.close();
  });

  async function start(unaryDeadlineMs = 10_000): Promise<Rig> {
    const rig = await Rig.start({
      credentials: true,
      serverTimings: { unaryDeadlineMs, answeredCloseMs: 50, helloTimeoutMs: 30_000 },
    });
    open.push(rig);
    return rig;
  }
  async function dial(rig: Rig): Promise<Peer> {
    const peer = await Peer.connect({ port: rig.server.port });
    open.push({ close: () => peer.destroy() });
    return peer;
  }
  const joinRequest = () => {
    const request = { joinToken: 'ojt_none', delegateName: 'one', instanceId: 'i', version: '1', secretSha256: '' };
    const encoded = encodeJoinRequest(request);
    assert.ok(encoded.kind === 'ok');
    return encoded.bytes;
  };
  async function credential(rig: Rig): Promise<string> {
    const token = await rig.joinToken('one');
    const request = {
      joinToken: token?.text ?? '',
      delegateName: 'one',
      instanceId: 'i',
      version: '1',
      secretSha256: '',
    };
    return (await rig.joining.join(request)).credential;
  }
  const refused = async (call: Call) => {
    const { name, details } = await call.status();
    return `${name}: ${details}`;
  };

  test('a request to join that is never finished is ended', async () => {
    const rig = await start(200);
    const peer = await dial(rig);
    const call = peer.call('join');
    await call.write(message(Buffer.alloc(50_000), TRANSPORT_MAX_MESSAGE_BYTES));
    assert.match(await refused(call), /DEADLINE_EXCEEDED: the request did not come to its end in time/);
  });

  test('a call that was answered is gone, though the other side leaves its half of it open', async () => {
    const rig = await start();
    const session = http2.connect(`http://127.0.0.1:${rig.server.port}`);
    open.push({ close: () => session.destroy() });
    const headers = { ':method': 'POST', ':path': DELEGATE_SERVICE.control.path, 'content-type': 'application/grpc' };
    const stream = session.request(headers, { endStream: false });
    stream.resume();
    await eventually('it is closed by the control plane', () => (stream.closed ? true : undefined));
    assert.equal(stream.rstCode, http2.constants.NGHTTP2_NO_ERROR);
  });

  test('strangers have few calls open at once, and joining works again when they are gone', async () => {
    const rig = await start();
    const strangers = await dial(rig);
    const begun = Array.from({ length: JOIN_CALLS_PER_ADDRESS_AT_ONCE }, (_, index) =>
      strangers.call(index % 2 === 0 ? 'join' : 'renew'),
    );
    await Promise.all(begun.map((call) => call.write(message(Buffer.alloc(10), 1_000))));
    const other = await dial(rig);
    const tooMany = async () => {
      const call = other.call('join');
      await call.send(joinRequest());
      call.end();
      return await refused(call);
    };
    await eventually('one more is refused', async () => (/too many calls/.test(await tooMany()) ? true : undefined));
    assert.match(await tooMany(), /^RESOURCE_EXHAUSTED/);
    strangers.destroy();
    await eventually('and now it is judged', async () => (/no join token/.test(await tooMany()) ? true : undefined));
  });

  test('one credential has few calls open at once', async () => {
    const rig = await start();
    const credentials = bearer(await credential(rig));
    const peer = await dial(rig);
    const calls = Array.from({ length: CALLS_PER_CREDENTIAL + 1 }, () => peer.call('control', credentials));
    const ended = await eventually('one is refused', () => calls.find((call) => call.ended !== undefined));
    assert.match(await refused(ended), /^RESOURCE_EXHAUSTED: one has 24 calls open already/);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(calls.filter((call) => call.ended !== undefined).length, 1);
  });

  test('nothing compressed is unpacked', async () => {
    const rig = await start();
    const peer = await dial(rig);
    const call = peer.call('join', { 'grpc-encoding': 'gzip' });
    await call.write(message(gzipSync(Buffer.alloc(4_000_000)), undefined, 1));
    assert.match(await refused(call), /^UNIMPLEMENTED: compressed messages are not taken/);
  });
});
