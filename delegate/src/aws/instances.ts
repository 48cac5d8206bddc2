import { Sha256 } from '@smithy/core/checksum';
import { HttpRequest } from '@smithy/core/protocols';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { SignatureV4 } from '@smithy/signature-v4';
import { type AccountClients, requestHandlerSettings } from './clients.ts';
import { errorOf, instancesOf } from './ec2-answer.ts';
import { awsErrorClass, convertAwsError } from './errors.ts';
import type { Instances } from './ports.ts';
import { type Calls, type CallTools, waitBefore } from './retry.ts';

const OPERATION = 'EC2 DescribeInstances';
const FILTER_VALUES_MAX = 200;
const ATTEMPTS = 4;
const MAX_PAGES = 100;
const ANSWER_MAX_BYTES = 8 * 1_048_576;

/**
 * EC2's DescribeInstances, signed and sent without the EC2 client: that one costs 57 MB of memory for this single call.
 * Ids go into the filter `instance-id`, which forgives ids that no longer exist.
 */
export function createInstances(
  clients: AccountClients,
  calls: Calls,
  tools: CallTools,
  environment: NodeJS.ProcessEnv = process.env,
): Instances {
  const ask = createAsk(clients, ec2Endpoint(clients.region, environment));
  const askAgain = async (body: string, abortSignal: AbortSignal): Promise<string> => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await ask(body, abortSignal);
      } catch (thrown) {
        const kind = awsErrorClass(convertAwsError(thrown, OPERATION)) ?? 'final';
        if (attempt >= ATTEMPTS || abortSignal.aborted || (kind !== 'throttled' && kind !== 'unclear')) throw thrown;
        await tools.sleep(waitBefore(attempt, kind, tools.random()));
      }
    }
  };
  return {
    async privateAddresses(ec2InstanceIds) {
      const found = new Map<string, string>();
      // `mi-…` are machines outside EC2 (ECS Anywhere): EC2 knows nothing of them.
      const ids = [...new Set(ec2InstanceIds)].filter((id) => id.startsWith('i-'));
      for (let start = 0; start < ids.length; start += FILTER_VALUES_MAX) {
        let token = '';
        for (let page = 0; page < MAX_PAGES; page++) {
          const body = describeInstancesBody(ids.slice(start, start + FILTER_VALUES_MAX), token);
          const answer = instancesOf(await calls.read(OPERATION, ({ abortSignal }) => askAgain(body, abortSignal)));
          for (const [id, address] of answer.addresses) found.set(id, address);
          if (answer.nextToken === '') break;
          token = answer.nextToken;
        }
      }
      return found;
    },
  };
}

/** As the SDK decides it: the service's own variable, then the general one, then AWS's public endpoint. */
export function ec2Endpoint(region: string, environment: NodeJS.ProcessEnv): URL {
  const ignored = environment['AWS_IGNORE_CONFIGURED_ENDPOINT_URLS'] === 'true';
  const configured = ignored ? '' : environment['AWS_ENDPOINT_URL_EC2'] || environment['AWS_ENDPOINT_URL'] || '';
  if (configured !== '') return new URL(configured);
  return new URL(`https://ec2.${region}.${region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'}/`);
}

export function describeInstancesBody(ids: readonly string[], nextToken: string): string {
  const body = new URLSearchParams({ Action: 'DescribeInstances', Version: '2016-11-15' });
  body.set('Filter.1.Name', 'instance-id');
  for (const [index, id] of ids.entries()) body.set(`Filter.1.Value.${index + 1}`, id);
  if (nextToken !== '') body.set('NextToken', nextToken);
  return body.toString();
}

function createAsk(clients: AccountClients, endpoint: URL): (body: string, signal: AbortSignal) => Promise<string> {
  const handler = new NodeHttpHandler(requestHandlerSettings(clients.agents));
  const signer = new SignatureV4({
    service: 'ec2',
    region: clients.region,
    // The same credentials as every other call of this account, cached and refreshed in one place.
    credentials: async () => await (await clients.ecs('read')).config.credentials(),
    sha256: Sha256,
  });
  return async (body, abortSignal) => {
    const signed = await signer.sign(
      new HttpRequest({
        method: 'POST',
        protocol: endpoint.protocol,
        hostname: endpoint.hostname,
        ...(endpoint.port === '' ? {} : { port: Number(endpoint.port) }),
        path: endpoint.pathname,
        headers: { host: endpoint.host, 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
        body,
      }),
    );
    const { response } = await handler.handle(new HttpRequest(signed), { abortSignal });
    const text = await readText(response.body);
    if (response.statusCode >= 300) throw errorOf(response.statusCode, text);
    return text;
  };
}

async function readText(body: unknown): Promise<string> {
  if (typeof body === 'string') return body;
  if (typeof body !== 'object' || body === null || !(Symbol.asyncIterator in body)) return '';
  const chunks: Buffer[] = [];
  let size = 0;
  const stream: { [Symbol.asyncIterator](): AsyncIterator<unknown> } = body as AsyncIterable<unknown>;
  for await (const chunk of stream) {
    const bytes = typeof chunk === 'string' || chunk instanceof Uint8Array ? Buffer.from(chunk) : Buffer.alloc(0);
    size += bytes.length;
    if (size > ANSWER_MAX_BYTES) throw new Error(`the answer is larger than ${ANSWER_MAX_BYTES} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}
