import {
  type Decoded,
  decodeDelegateMessage,
  decodeJoinRequest,
  decodeJoinResponse,
  decodeLogMessage,
  decodeLogReply,
  decodePollRequest,
  decodePollResponse,
  decodeRenewRequest,
  decodeRenewResponse,
  decodeServerMessage,
} from './codec.ts';

/**
 * The methods as gRPC needs them, for both ends. What is written has been encoded (and measured) before, so the
 * serialisers hand bytes through; what is read is decoded into our own messages before any handler sees it.
 */
export interface Method<Request, Response> {
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly requestSerialize: (bytes: Buffer) => Buffer;
  readonly responseSerialize: (bytes: Buffer) => Buffer;
  readonly requestDeserialize: (bytes: Buffer) => Decoded<Request>;
  readonly responseDeserialize: (bytes: Buffer) => Decoded<Response>;
}

const handThrough = (bytes: Buffer): Buffer => bytes;

function method<Request, Response>(
  methodName: string,
  stream: boolean,
  requestDeserialize: (bytes: Buffer) => Decoded<Request>,
  responseDeserialize: (bytes: Buffer) => Decoded<Response>,
): Method<Request, Response> {
  return {
    path: `/outrider.delegate.v1.DelegateService/${methodName}`,
    requestStream: stream,
    responseStream: stream,
    requestSerialize: handThrough,
    responseSerialize: handThrough,
    requestDeserialize,
    responseDeserialize,
  };
}

export const DELEGATE_SERVICE = {
  join: method('Join', false, decodeJoinRequest, decodeJoinResponse),
  renew: method('Renew', false, decodeRenewRequest, decodeRenewResponse),
  control: method('Control', true, decodeDelegateMessage, decodeServerMessage),
  logs: method('Logs', true, decodeLogMessage, decodeLogReply),
  poll: method('Poll', false, decodePollRequest, decodePollResponse),
} as const;

/** The version of the protocol that brought each method. No side calls or answers what the other's version does not have. */
export const METHOD_SINCE = {
  join: 1,
  control: 1,
  logs: 1,
  renew: 2,
  poll: 2,
} as const satisfies Record<keyof typeof DELEGATE_SERVICE, number>;

/** Carries the credential: `Bearer odc_…`. */
export const AUTHORIZATION_METADATA = 'authorization';
/**
 * The session id of Welcome: on Logs, which are refused without a live session, and on each Poll but the first, which is then known
 * for one that begins nothing.
 */
export const SESSION_METADATA = 'outrider-session';
