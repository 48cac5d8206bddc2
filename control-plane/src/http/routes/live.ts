import { eventPage, logPage } from '@outrider/shared/api/schemas.ts';
import { OutriderError } from '@outrider/shared/errors.ts';
import { renderLogLine } from '@outrider/shared/logs.ts';
import type { ServiceCounts } from '@outrider/shared/protocol/messages.ts';
import { z } from 'zod';
import { formatLogPosition, LOG_START, type LogPosition, type LogSource, parseLogPosition } from '../../app/logs.ts';
import { eventView } from '../event-view.ts';
import type { HttpDependencies } from '../ports.ts';
import { defineRoute, type Route } from '../route.ts';
import type { SseStream } from '../sse.ts';
import { createWake } from '../wake.ts';
import { executionParams } from './executions.ts';

const MAX_PAGE = 1_000;
/** A change that this process was not told of (another process made it) is seen after this at the latest. */
const EVENTS_LOOK_AGAIN_MS = 5_000;
/** The same for a followed log. */
const LOG_LOOK_AGAIN_MS = 2_000;

/** What happens, as it happens: events and logs. */
export function liveRoutes(dependencies: HttpDependencies): Route[] {
  return [eventsRoute(dependencies), logsRoute(dependencies), changesRoute(dependencies)];
}

function eventsRoute(dependencies: HttpDependencies): Route {
  const { executions } = dependencies;
  return defineRoute({
    method: 'GET',
    path: '/v1/executions/{id}/events',
    operationId: 'readEvents',
    tag: 'Executions',
    summary: 'Reads the events of an execution, or follows them',
    description:
      'With `Accept: text/event-stream` it answers the events so far and then each as it happens: `id` is its seq, `event` its ' +
      'type. It resumes after `Last-Event-ID` or `after`. Between them, without an id, `event: progress` tells how many tasks a running ' +
      "step's services run. After the last event comes `event: end`; do not connect again then.",
    permission: 'read',
    requestHeaders: { 'Last-Event-ID': 'seq of the last event that was read', Accept: 'text/event-stream to follow' },
    params: executionParams,
    query: z.strictObject({
      after: z.coerce.number().int().min(0).optional().describe('Only events with a higher seq'),
      limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(MAX_PAGE),
    }),
    answers: [
      { status: 200, description: 'Events, oldest first', schema: eventPage, contentTypes: ['text/event-stream'] },
    ],
    async handle({ params, query, header }) {
      const after = seqOf(header('last-event-id')) ?? query.after ?? 0;
      if (!wantsStream(header('accept'))) {
        const page = await executions.events(params.id, after, query.limit);
        return { kind: 'json', status: 200, body: { events: page.events.map(eventView), ended: page.ended } };
      }
      await executions.get(params.id);
      return { kind: 'stream', run: (stream) => followEvents(dependencies, params.id, after, stream) };
    },
  });
}

async function followEvents(
  { executions, onExecutionChanged, onProgress, clock }: HttpDependencies,
  id: string,
  after: number,
  stream: SseStream,
): Promise<void> {
  const wake = createWake();
  const progress = new Map<string, readonly ServiceCounts[]>();
  const stopListening = [
    onExecutionChanged((changed) => {
      if (changed === id) wake.signal();
    }),
    onProgress((executionId, stepId, services) => {
      if (executionId !== id) return;
      progress.set(stepId, services);
      wake.signal();
    }),
  ];
  try {
    let seq = after;
    while (!stream.gone.aborted) {
      const page = await executions.events(id, seq, MAX_PAGE);
      for (const recorded of page.events) {
        const view = eventView(recorded);
        if (!(await stream.send({ id: String(view.seq), event: view.type, data: view }))) return;
        seq = recorded.seq;
      }
      if (page.ended) {
        const { status, rollback } = await executions.get(id);
        await stream.send({ event: 'end', data: { status, rollback } });
        return;
      }
      for (const [stepId, services] of progress) {
        progress.delete(stepId);
        const at = new Date(clock.now()).toISOString();
        if (!(await stream.send({ event: 'progress', data: { stepId, at, services } }))) return;
      }
      if (page.events.length === 0) await wake.wait(EVENTS_LOOK_AGAIN_MS, stream.gone);
    }
  } finally {
    for (const stop of stopListening) stop();
  }
}

function logsRoute(dependencies: HttpDependencies): Route {
  const { logs, executions } = dependencies;
  return defineRoute({
    method: 'GET',
    path: '/v1/executions/{id}/steps/{step}/logs',
    operationId: 'readLog',
    tag: 'Executions',
    summary: 'Reads the log of a step, or follows it',
    description:
      'The lines of all attempts in order; `seq` counts within an attempt. `Accept: text/plain` answers the whole log as ' +
      '`outrider logs` prints it. `Accept: text/event-stream` follows it: `event: line` with an id that resumes it, and at last ' +
      '`event: end`. The step is an id, PHASE/NAME (percent-encoded) or a NAME that only one step has.',
    permission: 'read',
    requestHeaders: { 'Last-Event-ID': 'id of the last line that was read', Accept: 'text/plain or text/event-stream' },
    params: executionParams.extend({ step: z.string().min(1).max(300) }),
    query: z.strictObject({
      after: z.string().max(64).optional().describe('`next` of the page before, or the seq of a line'),
      attempt: z.coerce.number().int().min(1).max(999_999).optional().describe('Only lines of this attempt'),
      limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(MAX_PAGE),
    }),
    answers: [
      {
        status: 200,
        description: 'Lines, oldest first',
        schema: logPage,
        contentTypes: ['text/plain', 'text/event-stream'],
      },
    ],
    async handle({ params, query, header }) {
      const source = { executionId: params.id, step: params.step, onlyAttempt: query.attempt };
      const after = positionOf(header('last-event-id') ?? query.after, query.attempt ?? 1);
      if (wantsStream(header('accept'))) {
        await executions.step(params.id, params.step);
        return { kind: 'stream', run: (stream) => followLog(dependencies, source, after, stream) };
      }
      const page = await logs.page(source, after, query.limit);
      if (wantsText(header('accept'))) {
        return {
          kind: 'chunks',
          contentType: 'text/plain; charset=utf-8',
          chunks: wholeLog(dependencies, source, after),
        };
      }
      return { kind: 'json', status: 200, body: { ...page, next: formatLogPosition(page.next) } };
    },
  });
}

async function followLog(
  { logs, onLogAppended, onExecutionChanged }: HttpDependencies,
  source: LogSource,
  after: LogPosition,
  stream: SseStream,
): Promise<void> {
  const wake = createWake();
  const ofExecution = `${source.executionId}/`;
  const stopListening = [
    onLogAppended((task) => {
      if (task.startsWith(ofExecution)) wake.signal();
    }),
    onExecutionChanged((changed) => {
      if (changed === source.executionId) wake.signal();
    }),
  ];
  try {
    let position = after;
    while (!stream.gone.aborted) {
      const page = await logs.page(source, position, MAX_PAGE);
      for (const [index, line] of page.lines.entries()) {
        const isLast = index === page.lines.length - 1;
        const id = formatLogPosition(isLast ? page.next : { attempt: line.attempt, seq: line.seq });
        if (!(await stream.send({ id, event: 'line', data: line }))) return;
      }
      position = page.next;
      if (page.ended) {
        await stream.send({ event: 'end', data: {} });
        return;
      }
      if (page.lines.length === 0) await wake.wait(LOG_LOOK_AGAIN_MS, stream.gone);
    }
  } finally {
    for (const stop of stopListening) stop();
  }
}

async function* wholeLog(
  { logs }: HttpDependencies,
  source: LogSource,
  after: LogPosition,
): AsyncGenerator<string, void, void> {
  let position = after;
  for (;;) {
    const page = await logs.page(source, position, MAX_PAGE);
    if (page.lines.length === 0) return;
    yield page.lines.map((line) => `${renderLogLine(line)}\n`).join('');
    position = page.next;
  }
}

function changesRoute({ onExecutionChanged, fleet }: HttpDependencies): Route {
  return defineRoute({
    method: 'GET',
    path: '/v1/changes',
    operationId: 'followChanges',
    tag: 'Executions',
    summary: 'Says which executions and whether delegates changed, as it happens',
    description:
      '`event: execution` with id and seq, and `event: delegates`. It tells that something is to be read again, not what it is; ' +
      'it does not resume, so that a reader reads everything again when it connects.',
    permission: 'read',
    params: z.strictObject({}),
    query: z.strictObject({}),
    answers: [{ status: 200, description: 'What changed', contentTypes: ['text/event-stream'] }],
    handle() {
      return { kind: 'stream', run: (stream) => followChanges(stream, onExecutionChanged, fleet) };
    },
  });
}

/** How often the delegates are looked at: they have no events. */
const FLEET_LOOK_AGAIN_MS = 1_000;

async function followChanges(
  stream: SseStream,
  onExecutionChanged: HttpDependencies['onExecutionChanged'],
  fleet: HttpDependencies['fleet'],
): Promise<void> {
  const wake = createWake();
  const changed = new Map<string, number>();
  const stopListening = onExecutionChanged((id, seq) => {
    changed.set(id, seq);
    wake.signal();
  });
  let known = '';
  try {
    while (!stream.gone.aborted) {
      for (const [id, seq] of changed) {
        changed.delete(id);
        if (!(await stream.send({ event: 'execution', data: { id, seq } }))) return;
      }
      const now = JSON.stringify((await fleet.list()).map(({ lastSeenMs: _lastSeenMs, ...delegate }) => delegate));
      if (now !== known && !(await stream.send({ event: 'delegates', data: {} }))) return;
      known = now;
      await wake.wait(FLEET_LOOK_AGAIN_MS, stream.gone);
    }
  } finally {
    stopListening();
  }
}

function wantsStream(accept: string | undefined): boolean {
  return accept?.includes('text/event-stream') === true;
}

function wantsText(accept: string | undefined): boolean {
  return accept?.includes('text/plain') === true && !accept.includes('application/json');
}

function seqOf(lastEventId: string | undefined): number | undefined {
  if (lastEventId === undefined || lastEventId === '') return undefined;
  if (/^[0-9]{1,15}$/.test(lastEventId)) return Number(lastEventId);
  throw new OutriderError('request-invalid', 'The header Last-Event-ID is not an id of this stream', {
    hint: 'Send the id of the last event that was read, or leave it out.',
  });
}

function positionOf(text: string | undefined, attempt: number): LogPosition {
  if (text === undefined || text === '') return attempt === 1 ? LOG_START : { attempt, seq: 0, offset: 0 };
  const position = parseLogPosition(text, attempt);
  if (position !== undefined) return position;
  throw new OutriderError('request-invalid', '`after` is not a place in a log', {
    hint: 'Send `next` of the page before, or the seq of a line.',
  });
}
