import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { destroySilentSockets } from '@outrider/control-plane/grpc/silent-sockets.ts';

const TIMINGS = { silentMs: 300, lookMs: 20 };

async function listening(): Promise<{ readonly server: net.Server; readonly port: number }> {
  const server = net.createServer((socket) => socket.pause().on('error', () => undefined));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return { server, port: address.port };
}

async function dial(port: number): Promise<net.Socket> {
  const socket = net.connect(port, '127.0.0.1').on('error', () => undefined);
  await once(socket, 'connect');
  return socket.resume();
}

test('a socket from which nothing comes is destroyed; one that speaks, and those of other ports, stay', async () => {
  const [watched, other] = [await listening(), await listening()];
  watched.server.on('connection', (socket) => socket.resume());
  const stop = destroySilentSockets(watched.port, TIMINGS);
  const [silent, speaking, elsewhere] = [await dial(watched.port), await dial(watched.port), await dial(other.port)];
  const words = setInterval(() => speaking.write('still here\n'), 20);
  try {
    await once(silent, 'close');
    assert.deepEqual([speaking.closed, elsewhere.closed], [false, false]);
    clearInterval(words);
    await once(speaking, 'close');
    assert.equal(elsewhere.closed, false);
  } finally {
    clearInterval(words);
    stop();
    for (const socket of [silent, speaking, elsewhere]) socket.destroy();
    watched.server.close();
    other.server.close();
  }
});
