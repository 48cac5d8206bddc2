import assert from 'node:assert/strict';
import { test } from 'node:test';
import { storedResources } from '../../../control-plane/src/documents/checks/catalog.ts';
import { checkReferences } from '../../../control-plane/src/documents/checks/references.ts';
import { formatProblem } from '../../../control-plane/src/documents/format.ts';
import { parseDocuments } from '../../../control-plane/src/documents/parse.ts';

export const SERVICE = `apiVersion: outrider/v1
kind: Service
metadata: { application: ECS, name: web }
spec:
  artifact: { image: library/nginx }
  taskDefinition:
    containerDefinitions: [{ name: "\${CONTAINER_NAME}", image: "\${DOCKER_IMAGE_NAME}" }]
  variables: [{ name: LOG_LEVEL, value: info }]
`;
export const AGENT = `apiVersion: outrider/v1
kind: Service
metadata: { application: ECS, name: agent }
spec:
  strategy: DAEMON
  artifact: { image: agent }
  taskDefinition: { containerDefinitions: [{ name: agent, image: "\${DOCKER_IMAGE_NAME}" }] }
`;
export const ENVIRONMENTS = `apiVersion: outrider/v1
kind: Environment
metadata: { application: ECS, name: stage-ecs }
spec: { type: NON_PROD, variables: [{ name: REGISTRY, value: x }] }
---
apiVersion: outrider/v1
kind: Environment
metadata: { application: ECS, name: production }
spec: { type: PROD }
`;
export const INFRASTRUCTURE = `apiVersion: outrider/v1
kind: Infrastructure
metadata: { application: ECS, name: example }
spec:
  environment: stage-ecs
  region: us-east-1
  cluster: example
  launchType: EC2
`;
export const FARGATE = INFRASTRUCTURE.replace('name: example', 'name: fargate').replace('EC2', 'FARGATE');

/** Where a problem must be: it is taken out of the text, and the place where it stood is remembered. */
const MARK = '▸';

export interface Case {
  readonly what: string;
  /** With a mark before each place at which there must be a problem; two problems at one place have two marks. */
  readonly text: string;
  /** Texts of what is stored; left out: one service, one daemon, two environments and two infrastructures. */
  readonly stored?: readonly string[];
  /** The beginning of the message of each problem, by place. */
  readonly problems: readonly string[];
  readonly hint?: RegExp;
}

/** The problems of a file beside what is stored. */
export function check(text: string, stored?: readonly string[]) {
  const { documents, problems } = parseDocuments('w.yaml', text);
  assert.deepEqual(problems.map(formatProblem), []);
  const others = (stored ?? [SERVICE, AGENT, ENVIRONMENTS, INFRASTRUCTURE, FARGATE]).flatMap((other) => {
    const parsed = parseDocuments('s.yaml', other);
    assert.deepEqual(parsed.problems.map(formatProblem), []);
    return parsed.documents.map(({ resource }) => resource);
  });
  return checkReferences(documents, storedResources(others));
}

export function table(cases: readonly Case[]): void {
  for (const { what, text, stored, problems, hint } of cases) {
    test(what, () => {
      const { plain, places } = withoutMarks(text);
      assert.equal(places.length, problems.length, 'a mark for each problem');
      const found = check(plain, stored).toSorted(
        (one, other) =>
          (one.place?.line ?? 0) - (other.place?.line ?? 0) || (one.place?.column ?? 0) - (other.place?.column ?? 0),
      );
      const told = found.map(({ place, message }) => `${place?.line ?? 0}:${place?.column ?? 0}: ${message}`);
      assert.equal(told.length, problems.length, told.join('\n'));
      for (const [index, problem] of problems.entries()) {
        const expected = `${places[index] ?? ''}: ${problem}`;
        assert.equal(told[index]?.slice(0, expected.length), expected);
      }
      for (const problem of found) assert.notEqual(problem.hint ?? '', '');
      if (hint !== undefined) assert.match(found[0]?.hint ?? '', hint);
    });
  }
}

function withoutMarks(text: string): { readonly plain: string; readonly places: readonly string[] } {
  const [first = '', ...rest] = text.split(MARK);
  const places: string[] = [];
  let plain = first;
  for (const piece of rest) {
    const lines = plain.split('\n');
    places.push(`${lines.length}:${(lines.at(-1) ?? '').length + 1}`);
    plain += piece;
  }
  return { plain, places };
}
