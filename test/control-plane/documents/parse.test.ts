import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatProblem } from '../../../control-plane/src/documents/format.ts';
import { parseDocuments } from '../../../control-plane/src/documents/parse.ts';

const SERVICE = `apiVersion: outrider/v1
kind: Service
metadata: { application: ECS, name: shop }
spec:
  artifact: { image: library/nginx }
  taskDefinition: { containerDefinitions: [{ name: web, image: "\${DOCKER_IMAGE_NAME}" }] }
`;
const ENVIRONMENT = `apiVersion: outrider/v1
kind: Environment
metadata: { name: stage }
spec: { type: NON_PROD }
`;

/** `line:column: message` of every problem. */
function problemsOf(text: string): readonly string[] {
  return parseDocuments('a.yaml', text).problems.map(
    ({ place, message }) => `${place?.line ?? 0}:${place?.column ?? 0}: ${message}`,
  );
}

describe('documents that are right', () => {
  test('several in one file, each known by its place', () => {
    const { documents, problems } = parseDocuments('a.yaml', `# shop\n${SERVICE}---\n${ENVIRONMENT}`);
    assert.deepEqual(problems, []);
    assert.deepEqual(
      documents.map(({ resource }) => resource.kind),
      ['Service', 'Environment'],
    );
    const [service, environment] = documents;
    assert.deepEqual(service?.placeOf('/metadata/name'), { file: 'a.yaml', line: 4, column: 37 });
    assert.deepEqual(service?.placeOf('/metadata/name', 'key'), { file: 'a.yaml', line: 4, column: 31 });
    assert.deepEqual(service?.placeOf('/spec'), { file: 'a.yaml', line: 5, column: 1 });
    assert.deepEqual(environment?.placeOf('/spec/type'), { file: 'a.yaml', line: 12, column: 15 });
  });

  test('the place of a default is that of its parent', () => {
    const [service] = parseDocuments('a.yaml', SERVICE).documents;
    assert.deepEqual(service?.placeOf('/spec/serviceDefinition/desiredCount'), { file: 'a.yaml', line: 4, column: 1 });
  });

  test('a part of a text is found where the text stands as it is', () => {
    const [service] = parseDocuments('a.yaml', SERVICE).documents;
    const found = service?.within('/spec/taskDefinition/containerDefinitions/0/image', 2, 17);
    assert.deepEqual(found?.place, { file: 'a.yaml', line: 6, column: 67 });
    assert.equal(found.excerpt.text.slice(found.excerpt.offset).slice(0, 17), 'DOCKER_IMAGE_NAME');
    const folded = SERVICE.replace('"${DOCKER_IMAGE_NAME}"', '"\\x24{DOCKER_IMAGE_NAME}"');
    const [escaped] = parseDocuments('a.yaml', folded).documents;
    assert.equal(escaped?.within('/spec/taskDefinition/containerDefinitions/0/image', 2, 17), undefined);
  });

  test('JSON with tabs, a byte order mark and Windows line ends are read', () => {
    const json =
      '\uFEFF{\r\n\t"apiVersion": "outrider/v1",\r\n\t"kind": "Environment",\r\n\t"metadata": {"name": "x"},\r\n\t"spec": {"type": "PROD"}\r\n}\r\n';
    const { documents, problems } = parseDocuments('a.json', json);
    assert.deepEqual(problems, []);
    assert.deepEqual(documents[0]?.placeOf('/spec/type'), { file: 'a.json', line: 5, column: 19 });
  });

  test('anchors and aliases are written out', () => {
    const text = `${SERVICE}  variables:\n    - { name: A, value: &v 5 }\n    - { name: B, value: *v }\n`;
    const { documents, problems } = parseDocuments('a.yaml', text);
    assert.deepEqual(problems, []);
    assert.ok(documents[0]?.resource.kind === 'Service');
    assert.deepEqual(documents[0].resource.spec.variables[1], { name: 'B', value: 5 });
  });

  test('empty documents are left out, and an empty file is told so', () => {
    assert.equal(parseDocuments('a.yaml', `---\n---\n${ENVIRONMENT}---\n# end\n`).documents.length, 1);
    for (const empty of ['', '\n\n', '# nothing\n', '---\n---\n']) {
      assert.deepEqual(problemsOf(empty), ['1:1: the file holds no document']);
    }
  });
});

describe('documents that are wrong', () => {
  const cases: readonly { what: string; text: string; problems: readonly string[]; hint?: RegExp }[] = [
    {
      what: 'a misspelt field',
      text: `${SERVICE}  stratgy: REPLICA\n`,
      problems: ['7:3: unknown field "stratgy" in spec'],
      hint: /did you mean "strategy"\?/,
    },
    {
      what: 'a wrong type',
      text: `${SERVICE}  variables: 5\n`,
      problems: ['7:14: "variables" must be a list, not the number 5'],
    },
    {
      what: 'a missing field, at its parent',
      text: SERVICE.replace('{ application: ECS, name: shop }', '{ application: ECS }'),
      problems: ['3:11: "name" is missing'],
      hint: /write name: …/,
    },
    {
      what: 'a missing field of a mapping over several lines, at its key',
      text: SERVICE.replace('  artifact: { image: library/nginx }\n', ''),
      problems: ['4:1: "artifact" is missing'],
    },
    {
      what: 'several mistakes in several documents, all of them',
      text: `${SERVICE.replace('shop', '[shop]')}  zzz: 1\n---\n${ENVIRONMENT.replace('NON_PROD', 'TEST')}---\nkind: Workflow\n`,
      problems: [
        '3:37: "name" must be text, not a list',
        '7:3: unknown field "zzz" in spec',
        '12:15: "TEST" is not allowed as type',
        '14:1: "apiVersion" is missing',
        '14:1: "metadata" is missing',
        '14:1: "spec" is missing',
      ],
    },
    {
      what: 'a key that stands twice',
      text: `${SERVICE}  artifact: { image: other }\n`,
      problems: ['7:3: the key "artifact" stands here twice'],
      hint: /keep one/,
    },
    {
      what: 'keys that are no texts',
      text: `${SERVICE}  1: x\n  true: y\n  ? [a]\n  : z\n`,
      problems: ['7:3: the key 1 is no text', '8:3: the key true is no text', '9:5: a key must be a text'],
      hint: /quotes: "1"/,
    },
    {
      what: 'a tab as indentation',
      text: 'kind: Service\nspec:\n\tartifact: x\n',
      problems: ['3:1: this is no YAML: Tabs are not allowed as indentation'],
      hint: /indent with spaces/,
    },
    {
      what: 'an open bracket',
      text: 'kind: [Service\n',
      problems: [
        '2:1: this is no YAML: Flow sequence in block collection must be sufficiently indented and end with a ]',
      ],
      hint: /close the bracket/,
    },
    { what: 'an open quote', text: 'kind: "Service\n', problems: ['2:1: this is no YAML: Missing closing "quote'] },
    {
      what: 'a text with a colon',
      text: 'kind: Service\nmetadata: a: b\n',
      problems: ['2:11: this is no YAML: Nested mappings are not allowed in compact mappings'],
      hint: /quotes/,
    },
    {
      what: 'an unknown tag',
      text: `${ENVIRONMENT}x: !secret abc\n`,
      problems: ['5:4: this is no YAML: Unresolved tag: !secret'],
      hint: /tag/,
    },
    {
      what: 'an alias without an anchor',
      text: `${ENVIRONMENT}x: *nobody\n`,
      problems: ['5:4: there is no anchor "nobody" before this alias'],
    },
    {
      what: 'an alias inside of its own value',
      text: 'x: &a [1, *a]\n',
      problems: ['1:11: the alias *a stands inside the value that it repeats'],
    },
    {
      what: 'a merge key',
      text: `${ENVIRONMENT}<<: { a: 1 }\n`,
      problems: ['5:1: unknown field "<<"'],
      hint: /not part of YAML 1\.2/,
    },
    {
      what: 'numbers that JSON does not have',
      text: `${SERVICE}  variables: [{ name: A, value: .inf }, { name: B, value: 12345678901234567890 }]\n`,
      problems: [
        '7:33: .inf is no number here',
        '7:59: the number 12345678901234567890 is too large to be kept exactly',
      ],
    },
    { what: 'a list as document', text: '- 1\n- 2\n', problems: ['1:1: a document must be a mapping, not a list'] },
    {
      what: 'a text as document',
      text: 'hello\n',
      problems: ['1:1: a document must be a mapping, not the text "hello"'],
    },
    {
      what: 'a file that is no text at all',
      text: '\u0000\u0001\u001b[31m',
      problems: ['1:1: a document must be a mapping, not the text " [31m"'],
    },
  ];
  for (const { what, text, problems, hint } of cases) {
    test(what, () => {
      assert.deepEqual(problemsOf(text), problems);
      const [first] = parseDocuments('a.yaml', text).problems;
      assert.notEqual(first?.hint ?? '', '');
      if (hint !== undefined) assert.match(first?.hint ?? '', hint);
    });
  }

  test('a wrong document does not keep the others from being read', () => {
    const { documents, problems } = parseDocuments('a.yaml', `${ENVIRONMENT}---\nkind: [\n---\n${SERVICE}`);
    assert.deepEqual(
      documents.map(({ resource }) => resource.kind),
      ['Environment', 'Service'],
    );
    assert.equal(problems.length, 1);
  });

  test('two hundred problems are listed, the rest is counted', () => {
    const text = `${ENVIRONMENT}${Array.from({ length: 300 }, (_, index) => `zzz${index}: 1\n`).join('')}`;
    const { problems } = parseDocuments('a.yaml', text);
    assert.equal(problems.length, 201);
    assert.equal(problems.at(-1)?.message, 'there are 100 more problems');
  });
});

describe('a problem on a terminal', () => {
  test('has place, reason, line with carets, and what to do', () => {
    const [problem] = parseDocuments('shop.yaml', `${SERVICE}  stratgy: REPLICA\n`).problems;
    assert.ok(problem);
    assert.equal(
      formatProblem(problem),
      [
        'shop.yaml:7:3: unknown field "stratgy" in spec',
        '      stratgy: REPLICA',
        '      ^^^^^^^',
        '  hint: did you mean "strategy"?',
      ].join('\n'),
    );
  });

  test('keeps tabs, cuts long lines around what is meant, and lets no control characters through', () => {
    const long = `${ENVIRONMENT}x: "${'y'.repeat(500)}"\n`;
    const [first] = parseDocuments('a.yaml', long).problems;
    assert.ok(
      formatProblem(first ?? { message: '' })
        .split('\n')
        .every((line) => line.length < 140),
    );
    const json = `{"apiVersion": "outrider/v1",\n\t"kind": "Environmnt" }`;
    const shown = formatProblem(parseDocuments('a.json', json).problems[0] ?? { message: '' });
    assert.match(shown, /\n {4}\t {8}\^+\n/);
    const evil = formatProblem(
      parseDocuments('a.yaml', `${ENVIRONMENT}"\u001b[2J": 1\n`).problems[0] ?? { message: '' },
    );
    assert.ok(!evil.includes('\u001b'));
  });

  test('without a place, the pointer stands in its stead', () => {
    assert.equal(formatProblem({ message: 'no', pointer: '/spec' }), '/spec: no');
    assert.equal(formatProblem({ message: 'no' }), 'no');
  });
});
