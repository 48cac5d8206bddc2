import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestApi, type TestApi } from '../../support/api.ts';
import { cli } from '../../support/cli.ts';
import { eventually } from '../../support/processes.ts';
import { imageMissing, type Script, succeedAll } from '../../support/scripted-delegate.ts';

const RUN = ['run', 'ECS/ECS Replica Strategy', '--artifact', 'Example Default_Replica=:1.28'];

let api: TestApi;
let failures = 0;
/** The resize of phase 1 fails as often as is said. */
const script: Script = async (task, act) => {
  if (task.type !== 'ecs-upgrade-containers' || task.phaseName !== 'Phase 1' || failures <= 0) {
    return succeedAll(task, act);
  }
  failures -= 1;
  return { outcome: 'failed', failure: imageMissing('library/nginx:1.28') };
};

before(async () => {
  api = await startTestApi();
  await api.applyReplica();
  await api.delegate(script);
  const path = '/v1/workflows/ECS%20Replica%20Strategy?application=ECS';
  const { json, headers } = await api.call('GET', path);
  const { status: _status, ...document } = json;
  const spec = { ...Object(document['spec']), failureStrategies: [{ action: 'manual-intervention' }] };
  const etag = headers.get('etag') ?? '';
  const put = await api.call('PUT', path, { body: { ...document, spec }, headers: { 'if-match': etag } });
  assert.equal(put.status, 200, put.text);
});
after(() => api.close());

async function waiting(): Promise<string> {
  failures = 1;
  const { stdout } = await cli(api.url, RUN);
  const id = stdout.trim();
  await eventually('it waits for a person', async () =>
    (await cli(api.url, ['show', id])).stdout.includes('waits for a person') ? true : undefined,
  );
  return id;
}

for (const [answer, told] of [
  ['retry', /Phase 1\/Upgrade Containers retried by local: looked at it\n/],
  ['ignore', /Phase 1\/Upgrade Containers ignored by local: looked at it\n/],
  ['mark-success', /Phase 1\/Upgrade Containers marked as success by local: looked at it\n/],
] as const) {
  test(`${answer} answers a step that waits, and whoever watches reads who said so`, async () => {
    const id = await waiting();
    const shown = await cli(api.url, ['show', id]);
    assert.match(shown.stdout, /‖ waiting/);
    assert.match(shown.stdout, new RegExp(`outrider retry ${id} "Phase 1/Upgrade Containers" · or ignore`));
    const said = await cli(api.url, [answer, id, 'Phase 1/Upgrade Containers', '--reason', 'looked at it']);
    assert.equal(said.code, 0, said.stderr);
    assert.equal(said.stdout, `${id}\n`);
    const watched = await cli(api.url, ['watch', id]);
    assert.equal(watched.code, 0, watched.stdout);
    assert.match(watched.stdout, /failed .*image-pull-failed: .* \(waits for a person\)\n/);
    assert.match(watched.stdout, told);
  });
}

test('a step that asks nobody refuses with exit 1, the reason, and what to do instead', async () => {
  const id = await waiting();
  const { code, stderr } = await cli(api.url, ['retry', id, 'p1.1']);
  assert.equal(code, 1);
  assert.match(stderr, /cannot be retried: the step has ended/);
  assert.match(stderr, /manual-intervention/);
  assert.match(stderr, /\(not-allowed-now\)/);
  assert.equal((await cli(api.url, ['abort', id, '--no-rollback'])).code, 0);
});
