import { Sha256 } from '@smithy/core/checksum';
import { HttpRequest } from '@smithy/core/protocols';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { SignatureV4 } from '@smithy/signature-v4';
import type { AwsCredentialIdentity, NodeHttpHandlerOptions } from '@smithy/types';
import { errorOf } from './ec2-answer.ts';

const ANSWER_MAX_BYTES = 8 * 1_048_576;

/** Sends one signed request of EC2's query protocol and answers with its XML. Throws errors as the SDK's clients do. */
export type AskEc2 = (body: string, abortSignal: AbortSignal) => Promise<string>;

export interface Ec2Options {
  readonly region: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly requestHandler: NodeHttpHandlerOptions;
  readonly credentials: () => Promise<AwsCredentialIdentity>;
}

export function createAskEc2(options: Ec2Options): AskEc2 {
  const endpoint = ec2Endpoint(options.region, options.environment);
  const handler = new NodeHttpHandler(options.requestHandler);
  const signer = new SignatureV4({
    service: 'ec2',
    region: options.region,
    credentials: options.credentials,
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

/** As the SDK decides it: the service's own variable, then the general one, then AWS's public endpoint. */
export function ec2Endpoint(region: string, environment: NodeJS.ProcessEnv): URL {
  const ignored = environment['AWS_IGNORE_CONFIGURED_ENDPOINT_URLS'] === 'true';
  const configured = ignored ? '' : environment['AWS_ENDPOINT_URL_EC2'] || environment['AWS_ENDPOINT_URL'] || '';
  if (configured !== '') return new URL(configured);
  return new URL(`https://ec2.${region}.${region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'}/`);
}
