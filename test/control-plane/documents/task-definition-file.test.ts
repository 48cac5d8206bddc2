import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseDocuments } from '../../../control-plane/src/documents/parse.ts';
import type { FileReader } from '../../../control-plane/src/documents/task-definition-file.ts';

const SERVICE = `apiVersion: outrider/v1
kind: Service
metadata: { name: shop }
spec:
  artifact: { image: library/nginx }
  taskDefinitionFile: aws/task.json
`;
const TASK = `# The web server.
{
  # Filled in by each deployment.
  "containerDefinitions": [
    { "name": "\${CONTAINER_NAME}", "image": "\${DOCKER_IMAGE_NAME}#not a comment" }
  ]
}
`;

function parse(text: string, files?: Readonly<Record<string, string>>) {
  const readFile: FileReader = (path) => {
    const found = files?.[path];
    return found === undefined ? { refused: 'there is no such file' } : { text: found };
  };
  return parseDocuments('shop/service.yaml', text, files === undefined ? {} : { readFile });
}

describe('a task definition in a file of its own', () => {
  test('takes the place of the field, without the lines that begin with #', () => {
    const { documents, problems } = parse(SERVICE, { 'aws/task.json': TASK });
    assert.deepEqual(problems, []);
    const [service] = documents;
    assert.ok(service?.resource.kind === 'Service');
    assert.equal(service.resource.spec.taskDefinitionFile, undefined);
    assert.deepEqual(service.resource.spec.taskDefinition, {
      containerDefinitions: [{ name: '${CONTAINER_NAME}', image: '${DOCKER_IMAGE_NAME}#not a comment' }],
    });
    const image = '/spec/taskDefinition/containerDefinitions/0/image';
    assert.deepEqual(service.placeOf(image), { file: 'shop/aws/task.json', line: 5, column: 45 });
    assert.deepEqual(service.placeOf('/metadata/name'), { file: 'shop/service.yaml', line: 3, column: 19 });
    assert.equal(service.within(image, 2, 6)?.place.column, 48);
  });

  const wrong: readonly {
    what: string;
    files?: Record<string, string>;
    text?: string;
    places: readonly string[];
    says: RegExp;
  }[] = [
    { what: 'nobody can read files', places: ['shop/service.yaml:6:23'], says: /files cannot be read here/ },
    {
      what: 'the file is missing',
      files: {},
      places: ['shop/service.yaml:6:23'],
      says: /aws\/task\.json cannot be read: there is no such file/,
    },
    {
      what: 'the file is empty',
      files: { 'aws/task.json': '# later\n' },
      places: ['shop/service.yaml:6:23'],
      says: /is empty/,
    },
    {
      what: 'the file does not parse',
      files: { 'aws/task.json': '{\n  "cpu": @\n}' },
      places: ['shop/aws/task.json:2:10'],
      says: /no YAML/,
    },
    {
      what: 'the file is too large',
      files: { 'aws/task.json': 'x'.repeat(2_000_000) },
      places: ['shop/aws/task.json:1:1'],
      says: /too large/,
    },
    {
      what: 'a member is misspelt',
      files: { 'aws/task.json': TASK.replace('"name"', '"nmae"') },
      places: ['shop/aws/task.json:5:7'],
      says: /unknown field "nmae"/,
    },
    {
      what: 'the file is no mapping',
      files: { 'aws/task.json': '[]' },
      places: ['shop/aws/task.json:1:1'],
      says: /must be a mapping, not a list/,
    },
    {
      what: 'there is a task definition in the document as well',
      files: { 'aws/task.json': TASK },
      text: `${SERVICE}  taskDefinition: { containerDefinitions: [{ name: a, image: b }] }\n`,
      places: ['shop/service.yaml:4:1'],
      says: /either taskDefinition or taskDefinitionFile/,
    },
    {
      what: 'both files have mistakes, in the order of the files',
      files: { 'aws/task.json': TASK.replace('"name"', '"nmae"') },
      text: `${SERVICE}  zzz: 1\n`,
      places: ['shop/aws/task.json:5:7', 'shop/service.yaml:7:3'],
      says: /./,
    },
  ];
  for (const { what, files, text, places, says } of wrong) {
    test(`${what}: told at ${places.join(' and ')}`, () => {
      const { documents, problems } = parse(text ?? SERVICE, files);
      assert.deepEqual(documents, []);
      assert.deepEqual(
        problems.map(({ place }) => `${place?.file ?? ''}:${place?.line ?? 0}:${place?.column ?? 0}`).toSorted(),
        places,
      );
      assert.match(problems[0]?.message ?? '', says);
    });
  }
});
