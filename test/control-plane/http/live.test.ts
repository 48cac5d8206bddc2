import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { readSse, type SseMessage } from '../../../control-plane/src/cli/sse-reader.ts';
import { startTestApi, type TestApi } from '../../support/api.ts';
import { eventually } from '../../support/processes.ts';
import { outputOf, type Script, succeedAll } from '../../support/scripted-delegate.ts';

let script: Script = succeedAll;

describe('events and logs as they happen', () => {
  let api: TestApi;
  before(async () => {
    api = await startTestApi();
    await api.applyReplica();
    await api.delegate((task, act) => script(task, act));
  });
  after(() => api.close());
  beforeEach(() => {
    script = succeedAll;
  });

  /** Reads a stream until `until` says so, or to its end; the connection is then cut. */
  async function read(path: string, lastId: string | undefined, until: (so: readonly SseMessage[]) => boolean) {
    const controller = new AbortController();
    const response = await fetch(`${api.url}${path}`, {
      headers: { accept: 'text/event-stream', ...(lastId === undefined ? {} : { 'last-event-id': lastId }) },
      signal: controller.signal,
    });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
    assert.equal(response.headers.get('cache-control'), 'no-store');
    assert.ok(response.body);
    const messages: SseMessage[] = [];
    for await (const message of readSse(response.body, 20_000)) {
      messages.push(message);
      if (until(messages)) break;
    }
    controller.abort();
    return messages;
  }

  /** Steps write `lines` lines each, slowly enough to be cut off in between. */
  function talkative(lines: number): void {
    script = async (task, act) => {
      for (let line = 1; line <= lines; line += 1) await act.log(`${task.stepName} line ${line}`);
      return { outcome: 'succeeded', output: outputOf(task) };
    };
  }

  test('events resume after any break without one lost or doubled, and close with "end"', async () => {
    talkative(3);
    const id = await api.run();
    const seen: SseMessage[] = [];
    for (let connections = 0; connections < 100; connections += 1) {
      const lastId = seen.findLast((message) => message.id !== undefined)?.id;
      seen.push(...(await read(`/v1/executions/${id}/events`, lastId, (messages) => messages.length === 2)));
      if (seen.at(-1)?.event === 'end') break;
    }
    assert.equal(seen.at(-1)?.event, 'end');
    assert.deepEqual(JSON.parse(seen.at(-1)?.data ?? ''), { status: 'succeeded', rollback: 'none' });
    const numbered = seen.filter((message) => message.id !== undefined);
    assert.deepEqual(
      numbered.map((message) => Number(message.id)),
      numbered.map((_, index) => index + 1),
    );
    const { json } = await api.call('GET', `/v1/executions/${id}/events`);
    const page = json as { events: { type: string }[]; ended: boolean };
    assert.equal(page.ended, true);
    assert.deepEqual(
      page.events.map(({ type }) => type),
      numbered.map((message) => message.event),
    );
    const again = await read(`/v1/executions/${id}/events`, String(numbered.length), () => false);
    assert.deepEqual(
      again.map(({ event }) => event),
      ['end'],
    );
  });

  test('?after= resumes like Last-Event-ID', async () => {
    const id = await api.run();
    await api.untilEnded(id);
    const [first] = await read(`/v1/executions/${id}/events?after=4`, undefined, () => true);
    assert.equal(first?.id, '5');
    const page = await api.call('GET', `/v1/executions/${id}/events?after=4&limit=2`);
    assert.deepEqual(
      (page.json['events'] as { seq: number }[]).map(({ seq }) => seq),
      [5, 6],
    );
    assert.equal(page.json['ended'], false);
  });

  test('a follower hears of each event when it happens, and of counts in between', async () => {
    const gate = Promise.withResolvers<void>();
    script = async (task, act) => {
      if (task.type !== 'ecs-upgrade-containers' || task.phaseName !== 'Phase 1') return succeedAll(task, act);
      act.counts([{ service: 'web__2', role: 'new', desired: 1, running: 0, pending: 1 }]);
      await gate.promise;
      return succeedAll(task, act);
    };
    const id = await api.run();
    const messages = await read(`/v1/executions/${id}/events`, undefined, (so) => so.at(-1)?.event === 'progress');
    const counts: { stepId: string; services: unknown[] } = JSON.parse(messages.at(-1)?.data ?? '');
    assert.equal(counts.stepId, 'p1.2');
    assert.deepEqual(counts.services, [{ service: 'web__2', role: 'new', desired: 1, running: 0, pending: 1 }]);
    assert.equal(messages.at(-1)?.id, undefined, 'counts are not events: nobody resumes after them');
    const shown = await api.call('GET', `/v1/executions/${id}`);
    assert.match(shown.text, /"counts":\[\{"service":"web__2"/);
    gate.resolve();
    await api.untilEnded(id);
  });

  test('a log resumes after any break without a line lost or doubled', async () => {
    talkative(12);
    const id = await api.run();
    await eventually('the step has begun', async () => {
      const answer = await api.call('GET', `/v1/executions/${id}/steps/p1.1/logs`);
      return (answer.json['lines'] as unknown[]).length > 0 ? true : undefined;
    });
    const seen: SseMessage[] = [];
    for (let connections = 0; connections < 100; connections += 1) {
      const lastId = seen.findLast((message) => message.id !== undefined)?.id;
      seen.push(...(await read(`/v1/executions/${id}/steps/p1.1/logs`, lastId, (messages) => messages.length === 5)));
      if (seen.at(-1)?.event === 'end') break;
    }
    const lines = seen.slice(0, -1).map((message): { seq: number; text: string } => JSON.parse(message.data));
    assert.deepEqual(
      lines.map(({ seq }) => seq),
      Array.from({ length: 12 }, (_, index) => index + 1),
    );
    assert.deepEqual(
      lines.map(({ text }) => text),
      lines.map(({ seq }) => `ECS Service Setup line ${seq}`),
    );
    await api.untilEnded(id);
  });

  test('a log is paged by `next`, and by the seq of a line', async () => {
    talkative(7);
    const id = await api.run();
    await api.untilEnded(id);
    const path = `/v1/executions/${id}/steps/p1.1/logs`;
    const numbers: number[] = [];
    let place = '';
    for (let pages = 0; pages < 10; pages += 1) {
      const page = await api.call('GET', `${path}?limit=3${place === '' ? '' : `&after=${place}`}`);
      numbers.push(...(page.json['lines'] as { seq: number }[]).map(({ seq }) => seq));
      place = String(page.json['next']);
      if (page.json['ended'] === true) break;
    }
    assert.deepEqual(numbers, [1, 2, 3, 4, 5, 6, 7]);
    const bySeq = await api.call('GET', `${path}?after=5`);
    assert.deepEqual(
      (bySeq.json['lines'] as { seq: number }[]).map(({ seq }) => seq),
      [6, 7],
    );
  });

  test('as text, a log reads as the pages show it', async () => {
    const id = await api.run();
    await api.untilEnded(id);
    const answer = await api.call('GET', `/v1/executions/${id}/steps/Phase%201%2FECS%20Service%20Setup/logs`, {
      headers: { accept: 'text/plain' },
    });
    assert.equal(answer.headers.get('content-type'), 'text/plain; charset=utf-8');
    const [first, second] = answer.text.split('\n');
    assert.match(
      first ?? '',
      /^INFO {3}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {4}Begin execution of command: ECS Service Setup$/,
    );
    assert.match(second ?? '', /^INFO {3}.* {4}Command execution finished with status SUCCESS$/);
  });

  test('the log of a step that has not begun is empty and goes on', async () => {
    const gate = Promise.withResolvers<void>();
    script = async (task, act) => {
      await gate.promise;
      return succeedAll(task, act);
    };
    const id = await api.run();
    const answer = await api.call('GET', `/v1/executions/${id}/steps/p2.1/logs`);
    assert.deepEqual(answer.json, { lines: [], next: '1.0.0', ended: false });
    gate.resolve();
    await api.untilEnded(id);
  });

  test('/v1/changes tells that something is to be read again', async () => {
    const reading = read('/v1/changes', undefined, (messages) => messages.some(({ event }) => event === 'execution'));
    const id = await eventually('it is told', async () => api.run());
    const messages = await reading;
    assert.ok(messages.some(({ event }) => event === 'delegates'));
    const told: { id: string } = JSON.parse(messages.find(({ event }) => event === 'execution')?.data ?? '');
    assert.equal(told.id, id);
    await api.untilEnded(id);
  });
});

describe('when the control plane closes', () => {
  test('streams end without "end", so that their readers come back, and closing takes no longer than a moment', async () => {
    const api = await startTestApi();
    const response = await fetch(`${api.url}/v1/changes`, { headers: { accept: 'text/event-stream' } });
    const reading = response.text();
    const began = performance.now();
    await api.close();
    assert.doesNotMatch(await reading, /event: end/);
    assert.ok(performance.now() - began < 4_000);
  });
});
