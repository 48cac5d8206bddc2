import type { Decoded } from '@outrider/shared/protocol/codec.ts';
import type { DelegateMessage, ServerMessage } from '@outrider/shared/protocol/messages.ts';
import type { Logger } from '../app/logger.ts';

export type BrokenVerdict =
  | { readonly kind: 'pass-over' }
  | { readonly kind: 'refuse'; readonly message: ServerMessage }
  | { readonly kind: 'end'; readonly why: string };

/** What cannot be read is refused by name where that is possible, and the session lives on. */
export function judgeBroken(
  decoded: Exclude<Decoded<DelegateMessage>, { kind: 'ok' }>,
  delegate: string | null,
  logger: Logger,
): BrokenVerdict {
  if (decoded.kind === 'unknown-arm') {
    logger.warn({ delegate }, 'A message of a newer protocol was left out of account');
    return { kind: 'pass-over' };
  }
  const { why, arm, task } = decoded;
  logger.warn({ delegate, arm, task, why }, 'A message of a delegate is not valid');
  if (task !== null && (arm === 'accept' || arm === 'checkpoint' || arm === 'result')) {
    return { kind: 'refuse', message: { kind: 'refused', ...task, code: 'invalid', what: arm, message: why } };
  }
  return arm === null ? { kind: 'end', why } : { kind: 'pass-over' };
}
