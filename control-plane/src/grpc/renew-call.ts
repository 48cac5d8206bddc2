import { type handleUnaryCall, status } from '@grpc/grpc-js';
import { type Decoded, encodeRenewResponse } from '@outrider/shared/protocol/codec.ts';
import type { RenewRequest } from '@outrider/shared/protocol/messages.ts';
import { JOINS_PER_ADDRESS_PER_MINUTE, JOINS_PER_MINUTE } from '@outrider/shared/protocol/timings.ts';
import type { Credentials } from '../app/credentials.ts';
import type { Logger } from '../app/logger.ts';
import type { Clock } from '../app/ports.ts';
import { bearerOf } from './door.ts';
import { MinuteLimit } from './rate-limit.ts';
import { type Answer, reply } from './unary.ts';

/**
 * Renew looks at the credential itself: one that has been renewed may come for the same answer once more, and gets nobody in
 * anywhere else.
 */
export function renewHandler(options: {
  readonly credentials: Pick<Credentials, 'renew'> | null;
  readonly clock: Clock;
  readonly logger: Logger;
}): handleUnaryCall<Decoded<RenewRequest>, Buffer> {
  const { credentials, clock, logger } = options;
  const limit = new MinuteLimit(clock, JOINS_PER_ADDRESS_PER_MINUTE, JOINS_PER_MINUTE);
  const answer = async (decoded: Decoded<RenewRequest>, bearer: string | undefined, address: string) => {
    if (credentials === null) return refusal(status.FAILED_PRECONDITION, 'this control plane runs without credentials');
    if (!limit.take(address)) return refusal(status.RESOURCE_EXHAUSTED, 'too many renewals; try again in a minute');
    if (decoded.kind !== 'ok') return refusal(status.INVALID_ARGUMENT, 'the request to renew is not valid');
    try {
      const outcome = await credentials.renew({ bearer }, decoded.message);
      switch (outcome.kind) {
        case 'ok': {
          const encoded = encodeRenewResponse(outcome);
          return encoded.kind === 'ok' ? encoded.bytes : refusal(status.INTERNAL, encoded.why);
        }
        case 'invalid':
          return refusal(status.INVALID_ARGUMENT, outcome.because);
        case 'refused':
          logger.warn({ address, because: outcome.because }, 'A credential was not renewed');
          return refusal(status.UNAUTHENTICATED, outcome.because);
      }
    } catch (thrown) {
      logger.error({ err: thrown }, 'A credential could not be renewed');
      return refusal(status.UNAVAILABLE, 'the credential cannot be renewed now');
    }
  };
  return (call, callback) =>
    void reply(answer(call.request, bearerOf(call.metadata), call.getPeer().replace(/:[0-9]+$/, '')), callback);
}

function refusal(code: status, details: string): Answer {
  return { code, details };
}
