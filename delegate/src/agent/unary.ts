import { type Client, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { OutriderError } from '@outrider/shared/errors.ts';
import type { Decoded } from '@outrider/shared/protocol/codec.ts';
import type { Method } from '@outrider/shared/protocol/service.ts';
import { UNARY_DEADLINE_MS } from '@outrider/shared/protocol/timings.ts';
import { onAbort } from './abort.ts';

/** What a call without streams came to. `unreachable`: nobody knows whether it was done. */
export type UnaryAnswer<Response> =
  | { readonly kind: 'ok'; readonly message: Response }
  | { readonly kind: 'unreachable'; readonly error: OutriderError }
  | { readonly kind: 'refused'; readonly code: status; readonly details: string };

/** Makes one call within UNARY_DEADLINE_MS. Never throws. */
export async function callOnce<Request, Response>(
  client: Client,
  { path, requestSerialize, responseDeserialize }: Method<Request, Response>,
  bytes: Buffer,
  options: { readonly metadata?: Metadata; readonly signal?: AbortSignal | undefined } = {},
): Promise<UnaryAnswer<Response>> {
  const deadline = Date.now() + UNARY_DEADLINE_MS;
  const { metadata = new Metadata(), signal } = options;
  return await new Promise((resolve) => {
    const take = (error: ServiceError | null, decoded: Decoded<Response> | undefined) =>
      resolve(answer(error, decoded));
    const call = client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      bytes,
      metadata,
      { deadline },
      take,
    );
    onAbort(signal, () => call.cancel());
  });
}

/** CANCELLED: by ourselves, as the delegate is told to end. */
const UNREACHABLE: ReadonlySet<status> = new Set([status.UNAVAILABLE, status.DEADLINE_EXCEEDED, status.CANCELLED]);

function answer<Response>(error: ServiceError | null, decoded: Decoded<Response> | undefined): UnaryAnswer<Response> {
  if (error !== null) {
    const { code, details } = error;
    if (!UNREACHABLE.has(code)) return { kind: 'refused', code, details };
    const message = `The control plane cannot be reached: ${details}`;
    return { kind: 'unreachable', error: new OutriderError('unreachable', message, { cause: error }) };
  }
  if (decoded?.kind === 'ok') return decoded;
  return { kind: 'refused', code: status.UNKNOWN, details: 'the answer is not one of this protocol' };
}
