import type { AwsError } from './aws-error.ts';
import type { Operation } from './operation.ts';
import { element, escapeXml, scalarText, toJson, toXml } from './serialize.ts';
import type { ServiceDefinition } from './service-definition.ts';

export interface EncodedResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Writes a successful answer in the service's protocol. */
export function encodeResult(
  service: ServiceDefinition,
  operation: Operation,
  output: unknown,
  requestId: string,
): EncodedResponse {
  const { protocol, model } = service;
  const shape = model.operations.get(operation.name);
  if (protocol.kind === 'json') {
    const body = shape?.output === undefined ? {} : toJson(model, shape.output, output);
    return json(200, body, requestId);
  }
  const metadata = element('requestId', requestId);
  if (protocol.kind === 'ec2') {
    return xml(
      200,
      `<${operation.name}Response xmlns="${protocol.namespace}">${metadata}${ec2Xml(output)}</${operation.name}Response>`,
      requestId,
    );
  }
  const result = shape?.output === undefined ? '' : toXml(model, shape.output, output);
  const wrapped = element(shape?.resultWrapper ?? `${operation.name}Result`, result);
  const footer = element('ResponseMetadata', element('RequestId', requestId));
  return xml(
    200,
    `<${operation.name}Response xmlns="${protocol.namespace}">${wrapped}${footer}</${operation.name}Response>`,
    requestId,
  );
}

/** Writes a refusal as the service's protocol words it. */
export function encodeError(
  service: ServiceDefinition | undefined,
  error: AwsError,
  requestId: string,
): EncodedResponse {
  const kind = service?.protocol.kind ?? 'json';
  const { code, message, status } = error;
  if (kind === 'json') {
    const messageMember = service?.name === 'autoscaling' ? 'Message' : 'message';
    return json(status, { __type: code, [messageMember]: message, ...error.details }, requestId);
  }
  const parts = element('Code', escapeXml(code)) + element('Message', escapeXml(message));
  if (kind === 'ec2') {
    return xml(
      status,
      `<Response><Errors>${element('Error', parts)}</Errors>${element('RequestID', requestId)}</Response>`,
      requestId,
    );
  }
  const type = element('Type', status < 500 ? 'Sender' : 'Receiver');
  const namespace = service?.protocol.kind === 'query' ? ` xmlns="${service.protocol.namespace}"` : '';
  return xml(
    status,
    `<ErrorResponse${namespace}>${element('Error', type + parts)}${element('RequestId', requestId)}</ErrorResponse>`,
    requestId,
  );
}

function json(status: number, body: unknown, requestId: string): EncodedResponse {
  return {
    status,
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': requestId },
    body: JSON.stringify(body),
  };
}

function xml(status: number, body: string, requestId: string): EncodedResponse {
  return {
    status,
    headers: { 'content-type': 'text/xml', 'x-amzn-requestid': requestId },
    body: `<?xml version="1.0" encoding="UTF-8"?>\n${body}`,
  };
}

/** EC2's XML: lists in `item` elements, names as the handler gives them. */
function ec2Xml(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (Array.isArray(value)) return value.map((member) => element('item', ec2Xml(member))).join('');
  if (typeof value === 'object') {
    return Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .map(([name, member]) => element(name, ec2Xml(member)))
      .join('');
  }
  return escapeXml(scalarText(value));
}
