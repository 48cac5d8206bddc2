import { AwsError } from '../wire/aws-error.ts';
import type { EncodedResponse } from '../wire/encode.ts';
import type { ControlHandler } from '../wire/http-server.ts';
import type { ClockMode } from '../world/clock.ts';
import type { Control } from './control.ts';
import { parseFault } from './parse-fault.ts';

const PREFIX = '/_simulator/';
/** Advancing further than this in one request is refused: 30 days of simulated time. */
const MAX_ADVANCE_MILLISECONDS = 30 * 86_400_000;

/** The control endpoint: JSON in, JSON out, under /_simulator/. */
export function controlHandler(control: Control): ControlHandler {
  return async ({ method, url, body }) => {
    if (url.pathname !== '/_simulator' && !url.pathname.startsWith(PREFIX)) return undefined;
    try {
      return answer(200, await route(control, method, url, body));
    } catch (error) {
      if (error instanceof AwsError) return answer(error.status, { error: error.message });
      if (error instanceof RangeError) return answer(400, { error: error.message });
      throw error;
    }
  };
}

async function route(control: Control, method: string, url: URL, body: string): Promise<unknown> {
  const [name = '', id] = url.pathname.slice(PREFIX.length).split('/');
  const after = Number(url.searchParams.get('after') ?? 0);
  switch (`${method} ${name}`) {
    case 'GET ':
      return { resources: ['calls', 'mutations', 'state', 'faults', 'clock', 'advance', 'instances'] };
    case 'GET calls':
      return { calls: control.calls(after) };
    case 'GET mutations':
      return { mutations: control.mutations(after) };
    case 'GET state':
      return control.state();
    case 'GET faults':
      return { faults: control.faults() };
    case 'POST faults':
      return { id: control.addFault(parseFault(parse(body))) };
    case 'DELETE faults':
      if (id === undefined) control.clearFaults();
      else if (!control.removeFault(decodeURIComponent(id)))
        throw new AwsError('NotFound', `There is no fault ${id}`, 404);
      return {};
    case 'GET clock':
      return viewClock(control);
    case 'POST clock':
      control.setClockMode(parseMode(record(parse(body))));
      return viewClock(control);
    case 'POST advance':
      control.advance(parseAdvance(record(parse(body))));
      return viewClock(control);
    case 'POST instances':
      return changeInstances(control, record(parse(body)));
    default:
      throw new AwsError('NotFound', `The control endpoint has no ${method} ${url.pathname}`, 404);
  }
}

function viewClock(control: Control): unknown {
  const { now } = control.state();
  return { now, time: new Date(now).toISOString(), mode: control.clockMode() };
}

/** `{cluster, count}` adds instances; `{instance, status}` drains, reactivates or terminates one. */
async function changeInstances(control: Control, body: Record<string, unknown>): Promise<unknown> {
  const { cluster, count, instance, status } = body;
  if (typeof cluster === 'string' && typeof count === 'number') {
    return { instances: await control.addInstances(cluster, count) };
  }
  if (typeof instance === 'string' && (status === 'ACTIVE' || status === 'DRAINING')) {
    control.setInstanceStatus(instance, status);
    return {};
  }
  if (typeof instance === 'string' && status === 'TERMINATED') {
    await control.terminateInstance(instance);
    return {};
  }
  throw new AwsError(
    'ValidationException',
    'Give cluster and count, or instance and status (ACTIVE, DRAINING or TERMINATED)',
  );
}

function parseMode(body: Record<string, unknown>): ClockMode {
  if (body['mode'] === 'manual') return { kind: 'manual' };
  const speed = body['speed'];
  if (typeof speed === 'number') return { kind: 'running', speed };
  throw new AwsError('ValidationException', 'Give {"mode":"manual"} or {"speed":N}');
}

function parseAdvance(body: Record<string, unknown>): number {
  const milliseconds = body['milliseconds'];
  if (typeof milliseconds === 'number' && milliseconds >= 0 && milliseconds <= MAX_ADVANCE_MILLISECONDS)
    return milliseconds;
  throw new AwsError('ValidationException', `milliseconds must be a number from 0 to ${MAX_ADVANCE_MILLISECONDS}`);
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new AwsError('ValidationException', 'The body must be JSON');
  }
}

function record(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new AwsError('ValidationException', 'The body must be a JSON object');
  }
  return Object.fromEntries(Object.entries(value));
}

function answer(status: number, body: unknown): EncodedResponse {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}
