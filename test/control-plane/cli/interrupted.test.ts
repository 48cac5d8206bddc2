import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { startTestApi, type TestApi } from '../../support/api.ts';
import { cli } from '../../support/cli.ts';
import { succeedAll } from '../../support/scripted-delegate.ts';

describe('watching an execution while connections break', () => {
  let api: TestApi;
  let between: Server;
  let url: string;
  /** So many requests for such addresses are cut off from here on. */
  let cuts = 0;
  let cutOff = /^$/;

  before(async () => {
    api = await startTestApi();
    await api.applyReplica();
    await api.delegate(succeedAll);
    between = createServer((incoming, outgoing) => {
      const address = incoming.url ?? '';
      if (cuts > 0 && cutOff.test(address)) {
        cuts -= 1;
        incoming.socket.destroy();
        return;
      }
      const onward = request(`${api.url}${address}`, { method: incoming.method ?? 'GET' }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      });
      for (const name of ['accept', 'content-type', 'last-event-id']) {
        const value = incoming.headers[name];
        if (value !== undefined) onward.setHeader(name, value);
      }
      incoming.pipe(onward);
    });
    between.listen(0, '127.0.0.1');
    await once(between, 'listening');
    const place = between.address();
    assert.ok(typeof place === 'object' && place !== null);
    url = `http://127.0.0.1:${place.port}`;
  });
  after(async () => {
    between.close();
    between.closeAllConnections();
    await api.close();
  });

  test('the exit code tells how it ended, though the control plane goes away right after the last event', async () => {
    const id = await api.run();
    await api.untilEnded(id);
    cuts = 3;
    cutOff = /^\/v1\/executions\/[^/]+$/;
    const watched = await cli(url, ['watch', id]);
    assert.equal(watched.code, 0, watched.stderr);
    assert.equal(cuts, 0, 'the connection was cut');
    assert.match(watched.stdout, /succeeded/);
  });

  test('a log is followed to its end, though the control plane is away when a step begins', async () => {
    const id = await api.run();
    await api.untilEnded(id);
    const whole = await cli(api.url, ['logs', id]);
    cuts = 6;
    cutOff = /^\/v1\/executions\/[^/]+(\/steps\/.*)?$/;
    const followed = await cli(url, ['logs', id, '-f']);
    assert.equal(followed.code, 0, followed.stderr);
    assert.equal(cuts, 0, 'connections were cut');
    const lines = (text: string) => text.split('\n').toSorted();
    assert.deepEqual(lines(followed.stdout), lines(whole.stdout));
  });
});
