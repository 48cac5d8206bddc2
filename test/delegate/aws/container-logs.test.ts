import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import type { AccountClients } from '@outrider/delegate/aws/clients.ts';
import { createContainerLogs } from '@outrider/delegate/aws/container-logs.ts';
import { createAskLogs } from '@outrider/delegate/aws/logs-request.ts';
import { createCalls } from '@outrider/delegate/aws/retry.ts';
import { endpointOf } from '@outrider/delegate/aws/signed-request.ts';
import { StepStopped } from '@outrider/delegate/steps/contract.ts';

interface Request {
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** CloudWatch Logs that answers with this. */
async function logsThatAnswer(
  status: number,
  body: string,
  ask: (logs: ReturnType<typeof createContainerLogs>) => Promise<void>,
) {
  const requests: Request[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk) => {
      text += String(chunk);
    });
    request.on('end', () => {
      requests.push({ headers: request.headers, body: text });
      response.writeHead(status).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await ask(logsAt((server.address() as AddressInfo).port));
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
  return requests;
}

function logsAt(port: number, signal = new AbortController().signal) {
  const askLogs = createAskLogs({
    region: 'eu-west-1',
    environment: { AWS_ENDPOINT_URL_CLOUDWATCH_LOGS: `http://127.0.0.1:${port}` },
    requestHandler: { connectionTimeout: 1_000, requestTimeout: 1_000 },
    credentials: async () => ({ accessKeyId: 'key', secretAccessKey: 'secret' }),
  });
  const unused = async (): Promise<never> => assert.fail('not to be called');
  const clients: AccountClients = {
    region: 'eu-west-1',
    ecs: unused,
    autoScaling: unused,
    loadBalancing: unused,
    askEc2: unused,
    askLogs,
  };
  const gate = { permit: async () => undefined, holds: () => true };
  const tools = { sleep: unused, random: () => 0 };
  return createContainerLogs(clients, createCalls({ gate, signal, tools }));
}

function events(...messages: string[]): string {
  return JSON.stringify({ events: messages.map((message) => ({ timestamp: 1, message })) });
}

describe("the last lines of a container's log", () => {
  test('are asked for with one signed request, newest last, in plain text', async () => {
    const said = events('one', 'two\nthree', '\u001b[31mred\u001b[0m\u0007!\r', '', 'x'.repeat(1_000));
    const [request, ...more] = await logsThatAnswer(200, said, async (logs) => {
      const answer = await logs.tail('/ecs/shop', 'web/web/1', 10);
      assert.ok(answer.kind === 'read');
      assert.deepEqual(answer.lines.slice(0, 4), ['one', 'two', 'three', 'red !']);
      assert.equal(answer.lines[4]?.length, 301);
    });
    assert.deepEqual(more, []);
    assert.equal(request?.headers['x-amz-target'], 'Logs_20140328.GetLogEvents');
    assert.match(
      String(request?.headers['authorization']),
      /^AWS4-HMAC-SHA256 Credential=key\/\d{8}\/eu-west-1\/logs\//,
    );
    assert.deepEqual(JSON.parse(request?.body ?? ''), {
      logGroupName: '/ecs/shop',
      logStreamName: 'web/web/1',
      limit: 10,
      startFromHead: false,
    });
  });

  test('are no more than were asked for, however many lines a message has', async () => {
    await logsThatAnswer(200, events('1\n2\n3', '4\n5'), async (logs) => {
      assert.deepEqual(await logs.tail('g', 's', 3), { kind: 'read', lines: ['3', '4', '5'] });
    });
  });

  for (const [what, status, body, kind] of [
    [
      'a missing right',
      400,
      { __type: 'AccessDeniedException', message: 'User: x is not authorized to perform: logs:GetLogEvents' },
      'denied',
    ],
    [
      'a missing stream',
      400,
      { __type: 'com.amazonaws.logs#ResourceNotFoundException', message: 'The specified log stream does not exist.' },
      'missing',
    ],
    ['throttling', 400, { __type: 'ThrottlingException', message: 'Rate exceeded' }, 'unreadable'],
    ['a failure of AWS', 500, { __type: 'ServiceUnavailableException' }, 'unreadable'],
  ] as const) {
    test(`${what} is an answer, and not asked for twice`, async () => {
      const requests = await logsThatAnswer(status, JSON.stringify(body), async (logs) => {
        assert.equal((await logs.tail('g', 's', 10)).kind, kind);
      });
      assert.equal(requests.length, 1);
    });
  }

  for (const [what, status, body] of [
    ["a proxy's page", 502, '<html>bad gateway</html>'],
    ['a page that claims success', 200, '<html>welcome</html>'],
    ['events of another shape', 200, '{"events": [null, 7, {"message": 5}]}'],
  ] as const) {
    test(`${what} never ends the wait`, async () => {
      await logsThatAnswer(status, body, async (logs) => {
        const answer = await logs.tail('g', 's', 10);
        if (status === 200) assert.deepEqual(answer, { kind: 'read', lines: [] });
        else assert.equal(answer.kind, 'unreadable');
      });
    });
  }

  test('nobody listens: unreadable', async () => {
    assert.equal((await logsAt(1).tail('g', 's', 10)).kind, 'unreadable');
  });

  test('a step that is to stop stops here too', async () => {
    const stop = new AbortController();
    stop.abort('aborted');
    await assert.rejects(logsAt(1, stop.signal).tail('g', 's', 10), StepStopped);
  });
});

test('the endpoint comes from where the SDK finds it', () => {
  const logs = { host: 'logs', variable: 'CLOUDWATCH_LOGS' };
  assert.equal(endpointOf(logs, 'eu-west-1', {}).href, 'https://logs.eu-west-1.amazonaws.com/');
  assert.equal(endpointOf(logs, 'eu-west-1', { AWS_ENDPOINT_URL: 'http://127.0.0.1:1' }).host, '127.0.0.1:1');
});
