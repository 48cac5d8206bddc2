import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { caretLines } from '@outrider/shared/expressions/ast.ts';
import type { Scope } from '@outrider/shared/expressions/evaluate.ts';
import { expressionsIn, render } from '@outrider/shared/expressions/render.ts';
import type { Json } from '@outrider/shared/json.ts';

const SCOPE: Scope = {
  values: {
    app: { name: 'ECS' },
    env: { name: 'stage-ecs', environmentType: 'NON_PROD' },
    artifact: { metadata: { image: 'library/nginx:1.28', tag: '1.28', digest: null }, ports: [80, 443] },
    workflow: { variables: { DesiredInstances: '50%', Count: 5, Fast: true } },
    serviceVariable: {
      GREETING: 'hello ${env.name}',
      SHELL: 'echo $${HOME}',
      LOOP_A: '${serviceVariable.LOOP_B}',
      LOOP_B: 'x${serviceVariable.LOOP_A}',
      BROKEN: 'a ${nowhere.b}',
    },
    ECS__Service__Setup: { serviceName: '${not.rendered}', total: 2 },
    CONTAINER_NAME: 'library_nginx_1_28',
  },
  templates: ['serviceVariable', 'workflow.variables'],
  absent: { EXECUTION_ROLE: 'the infrastructure example has no executionRole' },
};

function valueOf(template: Json, scope = SCOPE): Json {
  const rendered = render(template, scope);
  assert.ok('value' in rendered, 'problems' in rendered ? JSON.stringify(rendered.problems) : '');
  return rendered.value;
}

function problemOf(template: Json, scope = SCOPE) {
  const rendered = render(template, scope);
  assert.ok('problems' in rendered, `rendered to ${'value' in rendered ? JSON.stringify(rendered.value) : ''}`);
  const [problem] = rendered.problems;
  assert.ok(problem);
  return problem;
}

describe('rendering', () => {
  const values: readonly (readonly [Json, Json])[] = [
    ['${app.name}__${env.name}', 'ECS__stage-ecs'],
    ['${ app.name }', 'ECS'],
    ['${workflow.variables.Count}', 5],
    ['n=${workflow.variables.Count}', 'n=5'],
    ['${workflow.variables.Fast}', true],
    ['fast: ${workflow.variables.Fast}', 'fast: true'],
    ['${artifact.metadata.digest}', null],
    ['${artifact.ports}', [80, 443]],
    ['ports ${artifact.ports}', 'ports [80,443]'],
    ['${artifact.ports[1]}', 443],
    ['${artifact["metadata"].tag}', '1.28'],
    ['${artifact.metadata.get("tag")}', '1.28'],
    ['${artifact.metadata.get("tag").replace(".", "-")}', '1-28'],
    ['${serviceVariable.GREETING}!', 'hello stage-ecs!'],
    ['${serviceVariable.SHELL}', 'echo ${HOME}'],
    ['${ECS__Service__Setup.serviceName}', '${not.rendered}'],
    ['$${HOME} costs $5, $$', '${HOME} costs $5, $$'],
    ['$$${app.name}', '$${app.name}'],
    ['${"}" == "}"}', true],
    ['${app.name.toLowerCase()}', 'ecs'],
    ['${env.name.startsWith("stage") && workflow.variables.Count >= 5}', true],
    ['${json.select("a[1].b", "{\\"a\\": [0, {\\"b\\": 7}]}")}', 7],
    [
      { list: ['${app.name}', 1, null, { deep: '${CONTAINER_NAME}' }] },
      { list: ['ECS', 1, null, { deep: 'library_nginx_1_28' }] },
    ],
  ];
  for (const [template, expected] of values) {
    test(`${JSON.stringify(template)} gives ${JSON.stringify(expected)}`, () => {
      assert.deepEqual(valueOf(template), expected);
    });
  }

  const refusals: readonly { template: Json; says: RegExp; hint: RegExp; caret: string }[] = [
    { template: '${app.nmae}', says: /"nmae" is not known in app/, hint: /did you mean "name"\?/, caret: 'nmae' },
    { template: 'a ${ap.name}', says: /"ap" is not known here/, hint: /did you mean "app"\?.*"env"/, caret: 'ap' },
    { template: '${qqqq.x}', says: /"qqqq" is not known/, hint: /known here are "app".*\$\$\{/, caret: 'qqqq' },
    { template: '${app.name.first}', says: /app\.name has no members/, hint: /leave out "\.first"/, caret: 'first' },
    {
      template: '${EXECUTION_ROLE}',
      says: /has no value: the infrastructure example/,
      hint: /./,
      caret: 'EXECUTION_ROLE',
    },
    {
      template: 'tag ${artifact.metadata.digest}',
      says: /no value here/,
      hint: /null/,
      caret: '${artifact.metadata.digest}',
    },
    {
      template: '${serviceVariable.LOOP_A}',
      says: /LOOP_A → serviceVariable\.LOOP_B → serviceVariable\.LOOP_A/,
      hint: /break/,
      caret: 'LOOP_A',
    },
    {
      template: '${serviceVariable.BROKEN}',
      says: /in the value of serviceVariable\.BROKEN \(a \$\{nowhere\.b\}\): "nowhere"/,
      hint: /./,
      caret: 'BROKEN',
    },
    { template: '${HOME:-/root}', says: /":" is no part/, hint: /shell.*\$\$\{/, caret: ':' },
    { template: 'x ${app.name', says: /not closed/, hint: /\$\$\{/, caret: '${' },
    { template: '${}', says: /empty/, hint: /write a name/, caret: '${}' },
    { template: '${my-app.name}', says: /"-" is no part/, hint: /spelt with __/, caret: '-' },
    { template: '${app.name.shout()}', says: /no function "shout"/, hint: /toUpperCase/, caret: 'shout' },
    {
      template: '${app.name.replace("a")}',
      says: /replace takes 2 arguments, not 1/,
      hint: /replace\("old", "new"\)/,
      caret: 'app.name.replace("a")',
    },
    { template: '${artifact.metadata.get("tagg")}', says: /there is no "tagg"/, hint: /get\(/, caret: 'get' },
    { template: '${"open}', says: /not closed/, hint: /./, caret: '"open}' },
    { template: '${app.name < 5}', says: /< compares numbers/, hint: /==/, caret: 'app.name < 5' },
    { template: '${!app.name}', says: /neither true nor false/, hint: /compare/, caret: 'app.name' },
    { template: '${workflow.constructor}', says: /"constructor" is not known/, hint: /./, caret: 'constructor' },
    { template: '${__proto__.x}', says: /"__proto__" is not known/, hint: /./, caret: '__proto__' },
  ];
  for (const { template, says, hint, caret } of refusals) {
    test(`${JSON.stringify(template)} is refused at ${caret}`, () => {
      const problem = problemOf(template);
      assert.match(problem.message, says);
      assert.match(problem.hint, hint);
      assert.equal(problem.source.slice(problem.span.offset, problem.span.offset + problem.span.length), caret);
    });
  }

  test('every text that fails is reported, with its JSON pointer', () => {
    const rendered = render({ 'a/b': ['${x}', 'ok', '${y}'], c: '${z' }, SCOPE);
    assert.ok('problems' in rendered);
    assert.deepEqual(
      rendered.problems.map((problem) => problem.pointer),
      ['/a~1b/0', '/a~1b/2', '/c'],
    );
  });

  test('a failing expression where that is allowed becomes null, with a note that says why', () => {
    const rendered = render({ minutes: '${workflow.variables.Minuts}', name: '${app.name}' }, SCOPE, {
      lenient: ['/minutes'],
    });
    assert.ok('value' in rendered);
    assert.deepEqual(rendered.value, { minutes: null, name: 'ECS' });
    assert.match(rendered.notes[0]?.message ?? '', /"Minuts" is not known/);
    assert.equal(rendered.notes[0]?.pointer, '/minutes');
  });

  test('keys are left alone, and an expression in one is refused', () => {
    assert.match(problemOf({ '${app.name}': 1 }).message, /a key cannot hold an expression/);
  });

  test('the carets stand below what is meant, also in the middle of a long text', () => {
    const [line, carets] = caretLines(problemOf(`${'x'.repeat(300)} \${app.nmae} ${'y'.repeat(300)}`));
    assert.equal(line.slice(carets.indexOf('^'), carets.lastIndexOf('^') + 1), 'nmae');
    assert.ok(line.length < 140);
  });

  test('expressions are listed with their pointers', () => {
    const found = expressionsIn({ a: 'x ${app.name} ${env.name}', b: ['$${no}', '${'] });
    assert.deepEqual(
      found.expressions.map(({ pointer }) => pointer),
      ['/a', '/a'],
    );
    assert.deepEqual(
      found.problems.map(({ pointer }) => pointer),
      ['/b/1'],
    );
  });
});

describe('limits of rendering', () => {
  test('values that name each other more than ten deep are refused', () => {
    const chain = Object.fromEntries(
      Array.from({ length: 14 }, (_, index) => [
        `V${index}`,
        index === 13 ? 'end' : `\${serviceVariable.V${index + 1}}`,
      ]),
    );
    const scope: Scope = { values: { serviceVariable: chain }, templates: ['serviceVariable'] };
    assert.equal(valueOf('${serviceVariable.V4}', scope), 'end');
    assert.match(problemOf('${serviceVariable.V0}', scope).message, /more than 10 deep/);
  });

  test('values that multiply each other are stopped by the size of what they make', () => {
    const doubling = Object.fromEntries(
      Array.from({ length: 9 }, (_, index) => [
        `V${index}`,
        index === 8 ? 'x'.repeat(100) : `\${serviceVariable.V${index + 1}}`.repeat(30),
      ]),
    );
    const scope: Scope = { values: { serviceVariable: doubling }, templates: ['serviceVariable'] };
    const started = performance.now();
    assert.match(problemOf('${serviceVariable.V0}', scope).message, /more than 1 MiB|too many steps/);
    assert.ok(performance.now() - started < 15_000);
  });

  test('an expression of more than 4096 characters is refused, one of 4096 is not', () => {
    const of = (length: number) => `\${"${'x'.repeat(length - 2)}"}`;
    assert.equal(valueOf(of(4096)), 'x'.repeat(4094));
    assert.match(problemOf(of(4097)).message, /more than 4096 characters/);
  });

  test('brackets within brackets end at 32', () => {
    const nested = (depth: number) => `\${${'('.repeat(depth)}app.name${')'.repeat(depth)}}`;
    assert.equal(valueOf(nested(31)), 'ECS');
    assert.match(problemOf(nested(40)).message, /more than 32 deep/);
    assert.match(problemOf(`\${${'!'.repeat(4000)}true}`).message, /too many !/);
  });

  test('replacing cannot make a text grow without end', () => {
    const scope: Scope = { values: { long: 'a'.repeat(60_000) } };
    assert.match(problemOf('${long.replace("a", "bbbbbbbbbbbbbbbbbbbbbbbbb")}', scope).message, /too long/);
  });

  test('objects in which a text stands very deep are refused, not crashed on', () => {
    let deep: Json = '${app.name}';
    for (let index = 0; index < 20_000; index++) deep = [deep];
    assert.match(problemOf(deep).message, /nested more than 100 deep/);
    assert.deepEqual(expressionsIn(deep).expressions, []);
  });
});
