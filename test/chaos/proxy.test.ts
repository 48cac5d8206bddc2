import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { eventually } from '../support/processes.ts';
import { chanceOf } from './chance.ts';
import { type ChaosProxy, startProxy } from './proxy.ts';

/** Long enough for anything on loopback to arrive. */
const QUIET_MS = 150;

describe('the chaos proxy', () => {
  let server: Server;
  let proxy: ChaosProxy;
  /** Connections as the server sees them, oldest first. */
  let served: Socket[];
  let heard: string[];
  const clients: Socket[] = [];

  beforeEach(async () => {
    served = [];
    heard = [];
    server = createServer({ allowHalfOpen: true }, (socket) => {
      const place = served.push(socket) - 1;
      heard[place] = '';
      socket.on('error', () => {});
      socket.setEncoding('utf8').on('data', (text: string) => {
        heard[place] += text;
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    proxy = await startProxy({ port: address.port }, chanceOf(1).number);
  });
  afterEach(async () => {
    for (const socket of [...clients.splice(0), ...served]) socket.destroy();
    await proxy.close();
    server.close();
  });

  /** A client with what it hears, and how it ended. */
  async function dial() {
    const socket = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true });
    clients.push(socket);
    const seen = { text: '', ended: false, error: '' };
    socket.setEncoding('utf8').on('data', (text: string) => {
      seen.text += text;
    });
    socket.on('end', () => {
      seen.ended = true;
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      seen.error = error.code ?? error.message;
    });
    const place = served.length;
    await once(socket, 'connect');
    const atServer = await eventually('the server has the connection', () => served[place]);
    return { socket, seen, atServer, heardThere: () => heard[place] ?? '' };
  }
  const quiet = () => new Promise((resolve) => setTimeout(resolve, QUIET_MS));
  const becomes = (what: string, is: () => boolean) => eventually(what, () => (is() ? true : undefined), 5_000);

  test('passes bytes and ends on as they come', async () => {
    const { socket, seen, atServer, heardThere } = await dial();
    socket.write('question');
    atServer.write('answer');
    await becomes('both have heard', () => heardThere() === 'question' && seen.text === 'answer');
    atServer.end();
    await becomes('the client hears the end', () => seen.ended);
    socket.end('last words');
    await becomes('the server hears the last words', () => heardThere() === 'questionlast words');
    assert.equal(seen.error, '');
    const counts = proxy.counts();
    assert.deepEqual([counts.connections, counts.bytesUp, counts.bytesDown, counts.resets], [1, 18, 6, 0]);
  });

  test('a reset is one to both ends', async () => {
    const { seen, atServer } = await dial();
    const errors: string[] = [];
    atServer.on('error', (error: NodeJS.ErrnoException) => errors.push(error.code ?? ''));
    assert.equal(proxy.resetAll(), 1);
    await becomes('the client is cut', () => seen.error === 'ECONNRESET');
    await becomes('the server is cut', () => errors.includes('ECONNRESET'));
    assert.equal(proxy.counts().resets, 1);
  });

  test('a cut comes after the byte that was named, in the middle of what is said', async () => {
    const { socket, seen, heardThere } = await dial();
    proxy.cutAfter(5, 'up');
    socket.write('abc');
    await becomes('the first part comes', () => heardThere() === 'abc');
    socket.write('def');
    await becomes('the client is cut', () => seen.error === 'ECONNRESET');
    assert.equal(proxy.counts().cuts, 1);
    const again = await dial();
    again.socket.write('a longer text');
    await becomes('one cut is one', () => again.heardThere() === 'a longer text');
  });

  test('a black hole takes everything and gives nothing, in one direction or both, and lets it go at last', async () => {
    const { socket, seen, atServer, heardThere } = await dial();
    proxy.flow({ kind: 'hold' }, 'up');
    socket.write('lost');
    atServer.write('heard');
    await becomes('the other direction goes on', () => seen.text === 'heard');
    proxy.flow({ kind: 'hold' });
    atServer.write(' not');
    socket.end();
    await quiet();
    assert.deepEqual([heardThere(), seen.text], ['', 'heard']);
    assert.equal(atServer.readableEnded, false, 'the end is not told either');
    await proxy.heal();
    await becomes('all of it comes late', () => heardThere() === 'lost' && seen.text === 'heard not');
    await becomes('and the end', () => atServer.readableEnded);
    assert.equal(proxy.counts().held, 3);
  });

  test('in a black hole even a reset stays unheard until it ends', async () => {
    const { socket, atServer } = await dial();
    let over = false;
    atServer.on('close', () => {
      over = true;
    });
    proxy.flow({ kind: 'hold' });
    socket.resetAndDestroy();
    await quiet();
    assert.equal(over, false);
    await proxy.heal();
    await becomes('the server hears of it', () => over);
  });

  test('a new connection into a black hole is made and stays silent', async () => {
    proxy.flow({ kind: 'hold' });
    const { socket, seen, heardThere } = await dial();
    socket.write('hello');
    await quiet();
    assert.deepEqual([heardThere(), seen.text, seen.error], ['', '', '']);
  });

  test('a half close ends one direction only', async () => {
    const { socket, seen, atServer, heardThere } = await dial();
    assert.equal(proxy.halfCloseAll('up'), 1);
    await becomes('the server hears the end', () => atServer.readableEnded);
    socket.write('nobody reads this');
    atServer.write('still there');
    await becomes('the client still hears', () => seen.text === 'still there');
    await quiet();
    assert.deepEqual([heardThere(), seen.ended, seen.error], ['', false, '']);
    assert.equal(proxy.halfCloseAll('up'), 0, 'it is closed once');
    assert.equal(proxy.counts().halfCloses, 1);
  });

  test('a delay holds each piece for its time and keeps the order', async () => {
    const { socket, heardThere } = await dial();
    proxy.flow({ kind: 'delay', milliseconds: 100, jitterMs: 100 });
    const begun = performance.now();
    for (const letter of 'abcdefgh') {
      socket.write(letter);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await becomes('everything comes', () => heardThere() === 'abcdefgh');
    const tookMs = performance.now() - begun;
    assert.ok(tookMs >= 100, `it took ${tookMs} ms`);
    assert.equal(proxy.counts().delayed, 2);
  });

  test('a trickle lets so many bytes through in a second', async () => {
    const { socket, heardThere } = await dial();
    proxy.flow({ kind: 'trickle', bytesPerSecond: 1_000 }, 'up');
    const begun = performance.now();
    socket.write('x'.repeat(500));
    await becomes('it begins', () => heardThere().length > 0);
    assert.ok(heardThere().length < 400, `${heardThere().length} bytes came at once`);
    await becomes('everything comes', () => heardThere().length === 500);
    const tookMs = performance.now() - begun;
    assert.ok(tookMs > 350, `it took ${tookMs} ms`);
    assert.equal(proxy.counts().trickled, 1);
  });

  test('while it refuses, nobody connects, and those who are connected stay so', async () => {
    const { socket, heardThere } = await dial();
    await proxy.refuse(true);
    const refused = connect({ port: proxy.port, host: '127.0.0.1' });
    clients.push(refused);
    const [error] = await once(refused, 'error');
    assert.equal(error.code, 'ECONNREFUSED');
    socket.write('still');
    await becomes('the old connection works', () => heardThere() === 'still');
    await proxy.refuse(false);
    await dial();
    assert.equal(proxy.counts().refusals, 1);
  });

  test('what waits in a black hole is bounded: then the sender is no longer read', async () => {
    const { socket } = await dial();
    proxy.flow({ kind: 'hold' });
    let sent = 0;
    const piece = Buffer.alloc(64 * 1024);
    while (sent < 64 * 1024 * 1024 && socket.write(piece)) sent += piece.length;
    await quiet();
    assert.equal(socket.writableNeedDrain, true, `${sent} bytes were taken`);
  });

  test('a server that is not there is a reset to the client', async () => {
    const nowhere = await startProxy({ port: 1 }, chanceOf(1).number);
    try {
      const socket = connect({ port: nowhere.port, host: '127.0.0.1' });
      clients.push(socket);
      const [error] = await once(socket, 'error');
      assert.equal(error.code, 'ECONNRESET');
    } finally {
      await nowhere.close();
    }
  });
});
