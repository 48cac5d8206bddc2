import { createPostSigned, endpointOf, type SignedRequestOptions } from './signed-request.ts';

/**
 * Sends one signed request of CloudWatch Logs (JSON 1.1) and answers with its JSON text. Throws errors as the SDK's clients
 * do: AWS's code as the name, the status in `$metadata`.
 */
export type AskLogs = (operation: string, body: string, abortSignal: AbortSignal) => Promise<string>;

export function createAskLogs(options: SignedRequestOptions): AskLogs {
  const endpoint = endpointOf({ host: 'logs', variable: 'CLOUDWATCH_LOGS' }, options.region, options.environment);
  const post = createPostSigned('logs', endpoint, options);
  return async (operation, body, abortSignal) => {
    const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `Logs_20140328.${operation}` };
    const { status, text } = await post(body, headers, abortSignal);
    if (status >= 300) throw logsError(status, text);
    return text;
  };
}

/** `__type` may carry a namespace before a `#`. */
function logsError(status: number, text: string): Error {
  const answer = membersOf(text);
  const type = answer.get('__type');
  const message = answer.get('message') ?? answer.get('Message');
  const name = typeof type === 'string' ? type.slice(type.lastIndexOf('#') + 1) : 'UnknownError';
  const said = typeof message === 'string' ? message : `HTTP status ${status}`;
  return Object.assign(new Error(said), { name, $metadata: { httpStatusCode: status } });
}

function membersOf(text: string): ReadonlyMap<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(text);
    return new Map(typeof parsed === 'object' && parsed !== null ? Object.entries(parsed) : []);
  } catch {
    return new Map();
  }
}
