import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { type ExecutionBody, execution } from '@outrider/shared/api/schemas.ts';
import { startTestApi, type TestApi } from '../../support/api.ts';
import { eventually } from '../../support/processes.ts';
import { imageMissing, type Script, succeedAll } from '../../support/scripted-delegate.ts';

/** What the delegate does; each test says. */
let script: Script = succeedAll;

describe('what people do to a running execution over HTTP', () => {
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

  const read = async (id: string): Promise<ExecutionBody> =>
    execution.parse((await api.call('GET', `/v1/executions/${id}`)).json);

  const untilStatus = (id: string, status: string) =>
    eventually(`${id} is ${status}`, async () => {
      const now = await read(id);
      return now.status === status ? now : undefined;
    });

  /** The setup runs until it is let go. */
  function holding(): { readonly letGo: () => void } {
    const gate = Promise.withResolvers<void>();
    script = async (task, act) => {
      if (task.type === 'ecs-service-setup') await gate.promise;
      return succeedAll(task, act);
    };
    return { letGo: () => gate.resolve() };
  }

  test('pause: the running step ends, the next one is held and says by whom; resume lets it go on', async () => {
    const { letGo } = holding();
    const id = await api.run();
    await eventually('the setup runs', async () =>
      (await read(id)).phases[0]?.steps[0]?.status === 'running' ? true : undefined,
    );
    const asked = await api.call('POST', `/v1/executions/${id}/pause`, { body: { reason: 'a look first' } });
    assert.equal(asked.status, 200, asked.text);
    const pausing = execution.parse(asked.json);
    assert.deepEqual([pausing.status, pausing.pause?.reason], ['running', 'a look first']);
    letGo();
    const paused = await untilStatus(id, 'paused');
    assert.deepEqual(
      paused.phases[0]?.steps.map(({ status, because }) => [status, because]),
      [
        ['succeeded', undefined],
        ['paused', 'It is held: paused by local: a look first'],
      ],
    );
    const log = await api.call('GET', `/v1/executions/${id}/steps/p1.2/logs`);
    assert.equal(log.json['ended'], false, 'its log is still to come');
    const listed = await api.call('GET', '/v1/executions?status=paused');
    assert.match(listed.text, new RegExp(id));
    const twice = await api.call('POST', `/v1/executions/${id}/pause`);
    assert.equal(twice.status, 409);
    assert.equal(twice.json['code'], 'not-allowed-now');
    assert.match(String(twice.json['detail']), /it is paused already/);

    const resumed = await api.call('POST', `/v1/executions/${id}/resume`);
    assert.equal(resumed.status, 200, resumed.text);
    assert.equal(execution.parse(resumed.json).pause, undefined);
    assert.equal((await api.untilEnded(id))['status'], 'succeeded');
    const late = await api.call('POST', `/v1/executions/${id}/resume`);
    assert.equal(late.status, 409);
    assert.match(String(late.json['detail']), /it has ended/);
  });

  /** The sample's workflow, with a person in place of the rollback. */
  async function askAPerson(): Promise<void> {
    const path = '/v1/workflows/ECS%20Replica%20Strategy?application=ECS';
    const { json, headers } = await api.call('GET', path);
    const { status: _status, ...document } = json;
    const spec = { ...Object(document['spec']), failureStrategies: [{ action: 'manual-intervention' }] };
    const put = await api.call('PUT', path, {
      body: { ...document, spec },
      headers: { 'if-match': headers.get('etag') ?? '' },
    });
    assert.equal(put.status, 200, put.text);
  }

  test('a failure that asks a person: waiting, refused where nobody is asked, and each answer does what it says', async () => {
    await askAPerson();
    const ends = { retry: 'succeeded', ignore: 'failed', 'mark-success': 'succeeded' } as const;
    for (const [answer, end] of Object.entries(ends)) {
      let failures = 1;
      script = async (task, act) => {
        if (task.type !== 'ecs-upgrade-containers' || failures-- <= 0) return succeedAll(task, act);
        return { outcome: 'failed', failure: imageMissing('library/nginx:1.28') };
      };
      const id = await api.run();
      const waiting = await untilStatus(id, 'waiting');
      const step = waiting.phases[0]?.steps[1];
      assert.equal(step?.status, 'waiting');
      assert.equal(step.intervention?.afterTimeout, 'rollback-workflow');
      const wrong = await api.call('POST', `/v1/executions/${id}/steps/p1.1/${answer}`);
      assert.equal(wrong.status, 409, wrong.text);
      assert.equal(wrong.json['code'], 'not-allowed-now');
      assert.match(String(wrong.json['hint']), /manual-intervention/);
      const path = `/v1/executions/${id}/steps/${encodeURIComponent('Phase 1/Upgrade Containers')}/${answer}`;
      const answered = await api.call('POST', path, { body: { reason: 'looked at it' } });
      assert.equal(answered.status, 200, answered.text);
      const ended = execution.parse(await api.untilEnded(id));
      assert.deepEqual([ended.status, ended.phases[0]?.steps[1]?.status], ['succeeded', end], answer);
    }
  });

  test('an execution that does not exist cannot be paused: 404', async () => {
    const answer = await api.call('POST', '/v1/executions/exe_01JD3K7Q8VZ4M2N6P9R1S3T5W7/pause');
    assert.equal(answer.status, 404);
  });

  test('a body that says what nobody asked is refused', async () => {
    const answer = await api.call('POST', '/v1/executions/exe_01JD3K7Q8VZ4M2N6P9R1S3T5W7/pause', {
      body: { rollback: true },
    });
    assert.equal(answer.status, 400, answer.text);
  });
});
