import { parseXML } from '@aws-sdk/xml-builder';

export interface InstancesAnswer {
  /** Private addresses by instance id. */
  readonly addresses: ReadonlyMap<string, string>;
  /** Empty: this was the last page. */
  readonly nextToken: string;
}

/** Reads DescribeInstances' XML; what is not there is left out. */
export function instancesOf(xml: string): InstancesAnswer {
  const answer = member(parse(xml), 'DescribeInstancesResponse');
  const addresses = new Map<string, string>();
  for (const reservation of items(member(answer, 'reservationSet'))) {
    for (const instance of items(member(reservation, 'instancesSet'))) {
      const id = text(member(instance, 'instanceId'));
      const address = text(member(instance, 'privateIpAddress'));
      if (id !== '' && address !== '') addresses.set(id, address);
    }
  }
  return { addresses, nextToken: text(member(answer, 'nextToken')) };
}

/** An error answer in the SDK's form: AWS's code as its name, the status in `$metadata`. */
export function errorOf(status: number, xml: string): Error {
  const response = member(parse(xml), 'Response');
  const error = items(member(response, 'Errors'), 'Error')[0];
  const name = text(member(error, 'Code')) || 'UnknownError';
  const message = text(member(error, 'Message')) || `HTTP status ${status}`;
  const requestId = text(member(response, 'RequestID'));
  return Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status, requestId } });
}

function parse(xml: string): unknown {
  try {
    const parsed: unknown = parseXML(xml);
    return parsed;
  } catch {
    return undefined;
  }
}

/** One child is parsed as itself, several as a list. */
function items(parent: unknown, name = 'item'): readonly unknown[] {
  const found = member(parent, name);
  if (found === undefined || found === '') return [];
  return Array.isArray(found) ? found : [found];
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.entries(value).find(([key]) => key === name)?.[1];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value.trim() : '';
}
