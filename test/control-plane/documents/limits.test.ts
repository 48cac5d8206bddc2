import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { formatProblem } from '../../../control-plane/src/documents/format.ts';
import { parseDocuments } from '../../../control-plane/src/documents/parse.ts';

const MIB = 1_048_576;

function timed(text: string) {
  const started = performance.now();
  const parsed = parseDocuments('a.yaml', text);
  return { ...parsed, milliseconds: performance.now() - started };
}

describe('files that are too large', () => {
  test('5 MB are refused before they are parsed', () => {
    const { documents, problems, tooLarge, milliseconds } = timed(`kind: Service\nx: ${'a: b, '.repeat(900_000)}`);
    assert.equal(documents.length, 0);
    assert.equal(problems.length, 1);
    assert.match(problems[0]?.message ?? '', /too large: it has 5\.\d MiB, and 4 MiB are allowed/);
    assert.match(problems[0]?.hint ?? '', /1 MiB/);
    assert.equal(tooLarge, true);
    assert.ok(milliseconds < 2_000, `${milliseconds} ms`);
  });

  test('one document of more than 1 MiB is refused at its place, smaller ones beside it do not matter', () => {
    const small = `x: ${'a'.repeat(700_000)}\n`;
    assert.equal(parseDocuments('a.yaml', `${small}---\n${small}`).tooLarge, false);
    const { problems, tooLarge } = parseDocuments('a.yaml', `${small}---\n${small}${small}`);
    assert.equal(tooLarge, true);
    assert.match(problems[0]?.message ?? '', /the document is too large: it has 1\.3 MiB, and 1 MiB are allowed/);
    assert.equal(problems[0]?.place?.line, 2);
  });

  test('bytes count, not letters', () => {
    assert.equal(parseDocuments('a.yaml', `x: ${'é'.repeat(600_000)}\n`).tooLarge, true);
  });
});

describe('files that are made to hurt', () => {
  const bomb = `a: &a ["lol", "lol"]\n${'bcdefghijklmnop'
    .split('')
    .map(
      (letter, index, all) =>
        `${letter}: &${letter} [${Array(9)
          .fill(`*${all[index - 1] ?? 'a'}`)
          .join(', ')}]`,
    )
    .join('\n')}\n`;
  const cases: readonly { what: string; text: string; says: RegExp }[] = [
    { what: 'a bomb of aliases', text: bomb, says: /more than 100000 values, its aliases written out/ },
    {
      what: 'aliases of one long text',
      text: `a: &a "${'x'.repeat(100_000)}"\nb: [${Array(30).fill('*a').join(', ')}]\n`,
      says: /more than 2097152 characters of text/,
    },
    { what: 'open brackets', text: '['.repeat(MIB), says: /brackets are nested more than 64 deep/ },
    {
      what: 'closed brackets within each other',
      text: '['.repeat(70) + ']'.repeat(70),
      says: /nested more than 64 deep/,
    },
    { what: 'braces', text: '{a: '.repeat(MIB / 4), says: /nested more than 64 deep/ },
    {
      what: 'mappings within each other by indentation',
      text: Array.from({ length: 200 }, (_, index) => `${' '.repeat(index)}a:`).join('\n'),
      says: /nested more than 64 deep/,
    },
    {
      what: 'lists within each other on one line',
      text: '- '.repeat(20_000),
      says: /nested more than 64 deep|words and marks/,
    },
    { what: 'many documents', text: '---\na: 1\n'.repeat(600), says: /more than 500 documents/ },
    { what: 'many anchors', text: '&a '.repeat(MIB / 3), says: /more than 1000 anchors and directives/ },
    { what: 'many directives', text: '%\n'.repeat(MIB / 2), says: /more than 1000 anchors and directives/ },
    { what: 'many quotes', text: '"'.repeat(MIB), says: /more than 500000 words and marks/ },
    { what: 'many commas', text: `[${'1,'.repeat(MIB / 2 - 1)}]`, says: /more than 500000 words and marks/ },
  ];
  for (const { what, text, says } of cases) {
    test(`${what}: refused within seconds`, () => {
      const { documents, problems, milliseconds } = timed(text);
      assert.equal(documents.length, 0);
      assert.match(problems[0]?.message ?? '', says);
      assert.ok(milliseconds < 15_000, `${milliseconds} ms`);
    });
  }

  test('a mapping with forty thousand keys is read in seconds, and a key twice is found in it', () => {
    const keys = Array.from({ length: 40_000 }, (_, index) => `k${index}: 1`);
    const { problems, milliseconds } = timed([...keys, 'k5: 2'].join('\n'));
    assert.deepEqual(
      problems.map(({ message }) => message),
      ['the key "k5" stands here twice'],
    );
    assert.ok(milliseconds < 20_000, `${milliseconds} ms`);
  });
});

describe('whatever stands in a file', () => {
  test('reading it never throws, and every problem has a place, a reason and a hint', () => {
    const marks = '{ } [ ] , " \' &a *a > # % ! @ ${a} é 1 null'.split(' ');
    const lines = [
      'apiVersion: outrider/v1\n',
      'kind: Workflow\n',
      'metadata: ',
      'name: x\n',
      'spec:\n',
      '---\n',
      '|\n',
    ];
    const pieces = fc.constantFrom(...marks, ...lines, '  ', '- ', ': ', '? ', '\n', '\t', '\u0000');
    const file = fc.array(pieces, { maxLength: 40 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.oneof(file, fc.string({ unit: 'binary' })), (text) => {
        const { documents, problems } = parseDocuments('a.yaml', text);
        assert.ok(documents.length > 0 || problems.length > 0);
        const count = text.split('\n').length;
        for (const problem of problems) {
          assert.ok(problem.place !== undefined && problem.place.line >= 1 && problem.place.line <= count, text);
          assert.ok(problem.place.column >= 1);
          assert.notEqual(problem.hint ?? '', '');
          assert.notEqual(formatProblem(problem), '');
        }
      }),
      { numRuns: 800 },
    );
  });
});
