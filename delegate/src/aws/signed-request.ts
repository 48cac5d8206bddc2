import { Sha256 } from '@smithy/core/checksum';
import { HttpRequest } from '@smithy/core/protocols';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { SignatureV4 } from '@smithy/signature-v4';
import type { AwsCredentialIdentity, NodeHttpHandlerOptions } from '@smithy/types';

const ANSWER_MAX_BYTES = 8 * 1_048_576;

export interface SignedRequestOptions {
  readonly region: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly requestHandler: NodeHttpHandlerOptions;
  readonly credentials: () => Promise<AwsCredentialIdentity>;
}

/** Posts one body and answers with the status and the text, whatever they are. Throws what the network throws. */
export type PostSigned = (
  body: string,
  headers: Readonly<Record<string, string>>,
  abortSignal: AbortSignal,
) => Promise<{ readonly status: number; readonly text: string }>;

/**
 * Requests signed and sent without an SDK client: for the services of which one single call is made, where a whole client
 * would cost more memory than all the rest.
 */
export function createPostSigned(service: string, endpoint: URL, options: SignedRequestOptions): PostSigned {
  const handler = new NodeHttpHandler(options.requestHandler);
  const { region, credentials } = options;
  const signer = new SignatureV4({ service, region, credentials, sha256: Sha256 });
  return async (body, headers, abortSignal) => {
    const signed = await signer.sign(
      new HttpRequest({
        method: 'POST',
        protocol: endpoint.protocol,
        hostname: endpoint.hostname,
        ...(endpoint.port === '' ? {} : { port: Number(endpoint.port) }),
        path: endpoint.pathname,
        headers: { host: endpoint.host, ...headers },
        body,
      }),
    );
    const { response } = await handler.handle(new HttpRequest(signed), { abortSignal });
    return { status: response.statusCode, text: await readText(response.body) };
  };
}

/** As the SDK decides it: the service's own variable (`AWS_ENDPOINT_URL_…`), then the general one, then AWS's public endpoint. */
export function endpointOf(
  service: { readonly host: string; readonly variable: string },
  region: string,
  environment: NodeJS.ProcessEnv,
): URL {
  const ignored = environment['AWS_IGNORE_CONFIGURED_ENDPOINT_URLS'] === 'true';
  const own = environment[`AWS_ENDPOINT_URL_${service.variable}`];
  const configured = ignored ? '' : own || environment['AWS_ENDPOINT_URL'] || '';
  if (configured !== '') return new URL(configured);
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  return new URL(`https://${service.host}.${region}.${domain}/`);
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
