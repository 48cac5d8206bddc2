import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  SAMPLE_CLUSTERS,
  SAMPLE_EXECUTION_ROLE,
  SAMPLE_REGION,
  SAMPLE_SUBNETS,
} from '@outrider/simulator/sample-world.ts';
import { storedResources } from '../../../control-plane/src/documents/checks/catalog.ts';
import { checkReferences } from '../../../control-plane/src/documents/checks/references.ts';
import { formatProblem } from '../../../control-plane/src/documents/format.ts';
import { parseDocuments } from '../../../control-plane/src/documents/parse.ts';

const EXAMPLES = fileURLToPath(new URL('../../../examples/', import.meta.url));
const FOLDERS = readdirSync(EXAMPLES, { withFileTypes: true }).filter((entry) => entry.isDirectory());

function documentsOf(folder: string) {
  const directory = path.join(EXAMPLES, folder);
  const files = readdirSync(directory).filter((name) => name.endsWith('.yaml'));
  const parsed = files.map((name) =>
    parseDocuments(name, readFileSync(path.join(directory, name), 'utf8'), {
      readFile: (named) => ({ text: readFileSync(path.join(directory, named), 'utf8') }),
    }),
  );
  assert.deepEqual(
    parsed.flatMap(({ problems }) => problems.map(formatProblem)),
    [],
  );
  return parsed.flatMap(({ documents }) => documents);
}

describe('the examples', () => {
  test('are those that the guide names', () => {
    const guide = readFileSync(path.join(EXAMPLES, 'README.md'), 'utf8');
    for (const { name } of FOLDERS) assert.ok(guide.includes(`](${name}/)`), name);
    assert.deepEqual(FOLDERS.map(({ name }) => name).toSorted(), [
      'checked-deployment',
      'daemon',
      'fargate-canary',
      'replica-canary',
      'rolling-canary',
    ]);
  });

  for (const { name } of FOLDERS) {
    test(`${name} stands alone without a problem, in the world of the simulator, for any delegate`, () => {
      const documents = documentsOf(name);
      assert.deepEqual(checkReferences(documents, storedResources([])).map(formatProblem), []);
      const kinds = documents.map(({ resource }) => resource.kind).toSorted();
      assert.deepEqual(kinds, ['Environment', 'Infrastructure', 'Service', 'Workflow']);
      for (const { resource } of documents) {
        assert.equal(resource.metadata.application, 'ECS');
        if (resource.kind !== 'Infrastructure') continue;
        const { region, cluster, executionRole, network, delegate } = resource.spec;
        assert.equal(region, SAMPLE_REGION);
        assert.ok(
          SAMPLE_CLUSTERS.some((sample) => sample.name === cluster),
          cluster,
        );
        assert.equal(executionRole, SAMPLE_EXECUTION_ROLE);
        assert.deepEqual(delegate.selectors, []);
        for (const subnet of network?.subnets ?? []) assert.ok(SAMPLE_SUBNETS.includes(subnet));
      }
    });

    test(`${name} without its service says which one is missing`, () => {
      const documents = documentsOf(name).filter(({ resource }) => resource.kind !== 'Service');
      const problems = checkReferences(documents, storedResources([]));
      assert.ok(problems.length > 0);
      for (const problem of problems) {
        assert.equal(problem.code, 'reference-missing');
        assert.match(problem.message, /has no service/);
        assert.ok(problem.place !== undefined);
      }
    });
  }
});
