/**
 * A refusal as AWS words it: `code` is the error's name on the wire, `message` its text. Handlers throw it; the protocol
 * layer alone turns it into a response.
 */
export class AwsError extends Error {
  override readonly name = 'AwsError';
  readonly code: string;
  /** HTTP status: 400 for the caller's mistakes, 500 and up for the service's own. */
  readonly status: number;
  /** Further members of the error document, such as ConflictException's resourceIds. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: string, message: string, status = 400, details: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.code = code;
    this.status = status;
    this.details = details;
  }
}

export function invalidParameter(message: string): AwsError {
  return new AwsError('InvalidParameterException', message);
}

export function clientException(message: string): AwsError {
  return new AwsError('ClientException', message);
}
