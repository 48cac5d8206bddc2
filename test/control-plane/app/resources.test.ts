import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { OutriderError } from '@outrider/shared/errors.ts';
import { resourceSchema } from '@outrider/shared/model/resource.ts';
import {
  environmentDocument,
  infrastructureDocument,
  phaseDocument,
  SEED_CANARY,
  SERVICE_NAME,
  serviceDocument,
  workflowDocument,
} from '../domain/planning/resources.ts';
import { Bench } from './bench.ts';

const ALL = [SEED_CANARY, infrastructureDocument('example'), environmentDocument(), serviceDocument(SERVICE_NAME)];
const ref = (kind: 'Service' | 'Environment' | 'Infrastructure' | 'Workflow', name: string) => ({
  kind,
  application: 'ECS',
  name,
});

async function errorOf(work: Promise<unknown>): Promise<OutriderError> {
  try {
    await work;
  } catch (thrown) {
    assert.ok(thrown instanceof OutriderError, String(thrown));
    return thrown;
  }
  return assert.fail('it was not refused');
}

function given(...documents: readonly unknown[]) {
  return documents.map((document) => ({ resource: resourceSchema.parse(document) }));
}

describe('applying', () => {
  test('what refers to each other may come in any order, in one go', async () => {
    const bench = new Bench();
    const applied = await bench.resources.apply(given(...ALL), 'ana');
    assert.deepEqual(
      applied.map((each) => [each.kind, each.version, each.outcome]),
      [
        ['Workflow', 1, 'created'],
        ['Infrastructure', 1, 'created'],
        ['Environment', 1, 'created'],
        ['Service', 1, 'created'],
      ],
    );
    const view = await bench.resources.get(ref('Service', SERVICE_NAME));
    assert.deepEqual([view.updatedBy, view.updatedAt], ['ana', '2026-01-01T00:00:00.000Z']);
  });

  test('the same again changes nothing, something else makes a new version, and the old one stays', async () => {
    const bench = new Bench();
    await bench.apply(...ALL);
    const [same] = await bench.resources.apply(given(environmentDocument()), 'ana');
    assert.deepEqual([same?.version, same?.outcome], [1, 'unchanged']);
    const [changed] = await bench.resources.apply(given(environmentDocument({ type: 'PROD' })), 'ana');
    assert.deepEqual([changed?.version, changed?.outcome], [2, 'changed']);
    const old = await bench.resources.get(ref('Environment', 'stage-ecs'), 1);
    assert.deepEqual(old.document['spec'], { ...environmentDocumentSpec(), variables: [] });
    const error = await errorOf(bench.resources.get(ref('Environment', 'stage-ecs'), 7));
    assert.match(error.message, /has no version 7/);
    assert.match(error.hint, /version 2/);
  });

  test('a reference that leads nowhere is refused with the nearest name, and nothing is stored', async () => {
    const bench = new Bench();
    const infrastructure = infrastructureDocument('example', { environment: 'stage' });
    const documents = given(environmentDocument({ serviceOverrides: {} }), infrastructure);
    const error = await errorOf(bench.resources.apply(documents, 'ana'));
    assert.equal(error.code, 'reference-missing');
    assert.match(error.message, /no environment "stage"/);
    assert.match(error.hint, /stage-ecs/);
    assert.deepEqual((await bench.resources.list('Environment', { limit: 10 })).items, []);
  });

  test('problems carry the place that the file gave them', async () => {
    const bench = new Bench();
    const [document] = given(infrastructureDocument('example', { environment: 'nowhere' }));
    assert.ok(document);
    const place = { file: 'infra.yaml', line: 7, column: 3 };
    const placeOf = (pointer: string) => (pointer === '/spec/environment' ? place : undefined);
    const error = await errorOf(bench.resources.apply([{ ...document, placeOf }], 'ana'));
    assert.deepEqual(error.problems[0]?.place, place);
  });

  test('all problems of all documents are told, and validate tells the same without storing', async () => {
    const bench = new Bench();
    const documents = given(
      workflowDocument({ environment: 'nowhere', phases: [phaseDocument('One', { service: 'nobody' })] }),
      infrastructureDocument('example', { environment: 'elsewhere' }),
    );
    const error = await errorOf(bench.resources.apply(documents, 'ana'));
    const messages = error.problems.map((problem) => problem.message).join('\n');
    assert.match(messages, /no environment "nowhere"[^]*no service "nobody"[^]*no environment "elsewhere"/);
    assert.deepEqual(await bench.resources.validate(documents), error.problems);
    assert.deepEqual(await bench.resources.validate(given(...ALL)), []);
    assert.deepEqual((await bench.resources.list('Workflow', { limit: 10 })).items, []);
  });

  test('a change based on an old version is refused', async () => {
    const bench = new Bench();
    await bench.apply(...ALL);
    const [document] = given(environmentDocument({ type: 'PROD' }));
    assert.ok(document);
    const error = await errorOf(bench.resources.apply([{ ...document, ifVersion: 0 }], 'ana'));
    assert.equal(error.code, 'version-conflict');
    assert.match(error.message, /it is at version 1/);
    await bench.resources.apply([{ ...document, ifVersion: 1 }], 'ana');
  });
});

describe('deleting', () => {
  test('what is used is kept, and what uses it is named', async () => {
    const bench = new Bench();
    await bench.apply(...ALL);
    const service = await errorOf(bench.resources.delete(ref('Service', SERVICE_NAME)));
    assert.equal(service.code, 'in-use');
    assert.match(service.message, /used by .*"workflow ECS Replica Strategy"/);
    const environment = await errorOf(bench.resources.delete(ref('Environment', 'stage-ecs')));
    assert.match(environment.message, /"infrastructure example" and "workflow ECS Replica Strategy"/);
    assert.equal((await errorOf(bench.resources.delete(ref('Infrastructure', 'example')))).code, 'in-use');
  });

  test('goes when nothing uses it any more, and only at the version that was meant', async () => {
    const bench = new Bench();
    await bench.apply(...ALL);
    assert.equal(
      (await errorOf(bench.resources.delete(ref('Workflow', 'ECS Replica Strategy'), 9))).code,
      'version-conflict',
    );
    await bench.resources.delete(ref('Workflow', 'ECS Replica Strategy'), 1);
    await bench.resources.delete(ref('Infrastructure', 'example'));
    const gone = await errorOf(bench.resources.delete(ref('Infrastructure', 'example')));
    assert.equal(gone.code, 'not-found');
  });
});

describe('looking', () => {
  test('lists are sorted and go on at their cursor', async () => {
    const bench = new Bench();
    await bench.apply(...['b', 'a', 'c'].map((name) => serviceDocument(name)));
    const first = await bench.resources.list('Service', { limit: 2 });
    assert.deepEqual(
      first.items.map((item) => item.name),
      ['a', 'b'],
    );
    const second = await bench.resources.list('Service', { limit: 2, cursor: first.nextCursor ?? undefined });
    assert.deepEqual([second.items.map((item) => item.name), second.nextCursor], [['c'], null]);
    assert.equal((await errorOf(bench.resources.list('Service', { limit: 2, cursor: 'x' }))).code, 'request-invalid');
  });

  test('a name that is not there is refused with the nearest', async () => {
    const bench = new Bench();
    await bench.apply(...ALL);
    const error = await errorOf(bench.resources.get(ref('Infrastructure', 'exampel')));
    assert.equal(error.code, 'not-found');
    assert.match(error.hint, /did you mean "example"/);
  });
});

function environmentDocumentSpec(): Record<string, unknown> {
  return { type: 'NON_PROD', serviceOverrides: { [SERVICE_NAME]: { LOG_LEVEL: 'debug' } } };
}
