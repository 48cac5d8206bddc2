import { MODELS } from '../validation/models.ts';
import { AwsError } from '../wire/aws-error.ts';
import { defineOperation } from '../wire/operation.ts';
import { operationMap, type ServiceDefinition } from '../wire/service-definition.ts';
import { eventsOf, type LogEvent, streamOf } from './container-log.ts';

interface GetLogEventsInput {
  readonly logGroupName?: string;
  readonly logGroupIdentifier?: string;
  readonly logStreamName: string;
  readonly startTime?: number;
  readonly endTime?: number;
  readonly nextToken?: string;
  readonly limit?: number;
  readonly startFromHead?: boolean;
}

const DEFAULT_LIMIT = 10_000;

const operations = [
  defineOperation('GetLogEvents', { mutates: false, quota: 'logs read' }, ({ world }, input: GetLogEventsInput) => {
    const group = input.logGroupName ?? groupOfIdentifier(input.logGroupIdentifier);
    if (group === undefined) {
      throw new AwsError('InvalidParameterException', 'Either logGroupName or logGroupIdentifier is required.');
    }
    const found = streamOf(world.state, group, input.logStreamName);
    if (found === 'no group') throw absent('group');
    if (found === 'no stream') throw absent('stream');
    const all = eventsOf(found.task, found.container).filter(
      ({ timestamp }) =>
        timestamp <= world.now &&
        timestamp >= (input.startTime ?? 0) &&
        timestamp < (input.endTime ?? Number.MAX_SAFE_INTEGER),
    );
    return pageOf(all, input);
  }),
];

/** Tokens are places between events: `f/N` reads on from there, `b/N` reads what stands before. */
function pageOf(all: readonly LogEvent[], input: GetLogEventsInput): object {
  const limit = input.limit ?? DEFAULT_LIMIT;
  const token = /^([fb])\/(\d{1,9})$/.exec(input.nextToken ?? '');
  if (input.nextToken !== undefined && token === null) {
    throw new AwsError('InvalidParameterException', 'The specified nextToken is invalid.');
  }
  const place = Math.min(Number(token?.[2] ?? (input.startFromHead === true ? 0 : all.length)), all.length);
  const forward = token === null ? input.startFromHead === true : token[1] === 'f';
  const first = forward ? place : Math.max(0, place - limit);
  const end = forward ? Math.min(all.length, place + limit) : place;
  return {
    events: all.slice(first, end).map((event) => ({ ...event, ingestionTime: event.timestamp })),
    nextForwardToken: `f/${end}`,
    nextBackwardToken: `b/${first}`,
  };
}

function groupOfIdentifier(identifier: string | undefined): string | undefined {
  return /^arn:aws[\w-]*:logs:[^:]*:\d*:log-group:([^:]+)/.exec(identifier ?? '')?.[1] ?? identifier;
}

function absent(what: 'group' | 'stream'): AwsError {
  return new AwsError('ResourceNotFoundException', `The specified log ${what} does not exist.`);
}

export const LOGS: ServiceDefinition = {
  name: 'logs',
  model: MODELS.logs,
  protocol: { kind: 'json', targetPrefix: 'Logs_20140328' },
  operations: operationMap(operations),
  throttled: { code: 'ThrottlingException', message: 'Rate exceeded' },
  malformed: (message) => new AwsError('SerializationException', message),
  invalid: (_operation, _violations, message) => new AwsError('InvalidParameterException', message),
};
