import { MalformedInput } from '../validation/check-input.ts';
import { AwsError } from './aws-error.ts';
import type { Operation } from './operation.ts';
import { readQuery } from './query-input.ts';
import type { ServiceDefinition } from './service-definition.ts';

/** A request as it came in, before anything is known about it. */
export interface RawRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** Which operation of which service is called; its input is decoded but not checked. */
export interface DecodedCall {
  readonly service: ServiceDefinition;
  readonly operation: Operation;
  readonly accessKeyId: string;
  readInput(): unknown;
}

/** A refusal with the protocol in which the caller expects it. */
export class Undecodable extends Error {
  override readonly name = 'Undecodable';
  readonly error: AwsError;
  readonly service: ServiceDefinition | undefined;

  constructor(error: AwsError, service?: ServiceDefinition) {
    super(error.message);
    this.error = error;
    this.service = service;
  }
}

/** Finds out what is called. Throws Undecodable. */
export function decode(services: readonly ServiceDefinition[], request: RawRequest): DecodedCall {
  const target = header(request, 'x-amz-target');
  return target === undefined ? decodeQuery(services, request) : decodeJson(services, request, target);
}

function decodeJson(services: readonly ServiceDefinition[], request: RawRequest, target: string): DecodedCall {
  const dot = target.lastIndexOf('.');
  const service = services.find(
    ({ protocol }) => protocol.kind === 'json' && protocol.targetPrefix === target.slice(0, dot),
  );
  const operation = service?.operations.get(target.slice(dot + 1));
  if (service === undefined || operation === undefined) {
    throw new Undecodable(new AwsError('UnknownOperationException', ''), service);
  }
  const readInput = (): unknown => {
    try {
      return request.body === '' ? {} : JSON.parse(request.body);
    } catch {
      throw new MalformedInput('The request body is not valid JSON');
    }
  };
  return { service, operation, accessKeyId: accessKey(request, service), readInput };
}

function decodeQuery(services: readonly ServiceDefinition[], request: RawRequest): DecodedCall {
  const parameters = new URLSearchParams(request.method === 'GET' ? request.url.search : request.body);
  const version = parameters.get('Version');
  const action = parameters.get('Action');
  const service = services.find(({ protocol, model }) => protocol.kind !== 'json' && model.apiVersion === version);
  if (action === null || service === undefined) {
    throw new Undecodable(
      new AwsError('UnknownOperationException', 'No service of this simulator knows this request', 404),
    );
  }
  const operation = service.operations.get(action);
  if (operation === undefined) {
    throw new Undecodable(
      new AwsError('InvalidAction', `The action ${action} is not valid for this web service.`),
      service,
    );
  }
  const dialect = service.protocol.kind === 'ec2' ? 'ec2' : 'query';
  const input = service.model.operations.get(action)?.input ?? '';
  return {
    service,
    operation,
    accessKeyId: accessKey(request, service),
    readInput: () => readQuery(service.model, input, parameters, dialect),
  };
}

/** The access key of the signature. Requests must be signed, as for AWS; the signature itself is not checked. */
function accessKey(request: RawRequest, service: ServiceDefinition): string {
  const credential =
    /Credential=([^/,\s]+)\//.exec(header(request, 'authorization') ?? '')?.[1] ??
    request.url.searchParams.get('X-Amz-Credential')?.split('/')[0];
  if (credential !== undefined) return credential;
  const code = service.protocol.kind === 'json' ? 'MissingAuthenticationTokenException' : 'MissingAuthenticationToken';
  throw new Undecodable(new AwsError(code, 'Request is missing Authentication Token', 403), service);
}

function header(request: RawRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
