import { type handleUnaryCall, status } from '@grpc/grpc-js';
import { OutriderError } from '@outrider/shared/errors.ts';
import { type Decoded, encodeJoinResponse } from '@outrider/shared/protocol/codec.ts';
import type { JoinRequest } from '@outrider/shared/protocol/messages.ts';
import { JOINS_PER_ADDRESS_PER_MINUTE, JOINS_PER_MINUTE } from '@outrider/shared/protocol/timings.ts';
import type { Joining } from '../app/joining.ts';
import type { Logger } from '../app/logger.ts';
import type { Clock } from '../app/ports.ts';
import { MinuteLimit } from './rate-limit.ts';
import { type Answer, reply } from './unary.ts';

/** The one call without a credential: limited, so that secrets cannot be guessed and nobody is kept busy. */
export function joinHandler(options: {
  readonly joining: Pick<Joining, 'join'> | null;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Protocol 1 knows no secrets that a delegate makes. */
  readonly ownSecrets: boolean;
}): handleUnaryCall<Decoded<JoinRequest>, Buffer> {
  const { joining, clock, logger, ownSecrets } = options;
  const limit = new MinuteLimit(clock, JOINS_PER_ADDRESS_PER_MINUTE, JOINS_PER_MINUTE);
  const answer = async (decoded: Decoded<JoinRequest>, address: string): Promise<Answer> => {
    if (joining === null) {
      const details = 'this control plane runs without credentials (OUTRIDER_INSECURE=1)';
      return { code: status.FAILED_PRECONDITION, details };
    }
    if (!limit.take(address)) {
      return { code: status.RESOURCE_EXHAUSTED, details: 'too many attempts to join; try again in a minute' };
    }
    if (decoded.kind !== 'ok') return { code: status.INVALID_ARGUMENT, details: 'the join request is not valid' };
    try {
      const request = ownSecrets ? decoded.message : { ...decoded.message, secretSha256: '' };
      const encoded = encodeJoinResponse(await joining.join(request));
      return encoded.kind === 'ok' ? encoded.bytes : { code: status.INTERNAL, details: encoded.why };
    } catch (thrown) {
      const error = OutriderError.from(thrown);
      if (error.code === 'join-refused') return { code: status.PERMISSION_DENIED, details: error.message };
      logger.error({ err: error }, 'A join request failed');
      return { code: status.UNAVAILABLE, details: 'the join token cannot be checked now' };
    }
  };
  return (call, callback) => void reply(answer(call.request, call.getPeer().replace(/:[0-9]+$/, '')), callback);
}
