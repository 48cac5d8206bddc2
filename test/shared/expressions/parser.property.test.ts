import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Scope } from '@outrider/shared/expressions/evaluate.ts';
import { parseCondition, parseTemplate } from '@outrider/shared/expressions/parser.ts';
import { evaluateCondition, expressionsIn, render } from '@outrider/shared/expressions/render.ts';
import { isJson } from '@outrider/shared/json.ts';
import fc from 'fast-check';

/** Texts made of what expressions are made of: far more of them parse, or nearly parse, than of random letters. */
const PIECES = [
  ...'${ } $ $${ . [ ] ( ) , " \' \\ ! == != && || <= app name get replace json select x 0 12 1.5 true null'.split(' '),
  ' ',
  '\n',
  '"a"',
  "'b'",
  'é',
  '😀',
];
const source = fc.array(fc.constantFrom(...PIECES), { maxLength: 25 }).map((pieces) => pieces.join(''));
const scope: Scope = {
  values: { app: { name: 'ECS', x: [1, { a: true }] }, x: '${app.name}${name}', name: '${x}' },
  templates: ['x', 'name'],
};

describe('whatever stands in a text', () => {
  test('parsing and rendering never throw, and a problem points into the text', () => {
    fc.assert(
      fc.property(fc.oneof(source, fc.string()), (text) => {
        const parsed = parseTemplate(text);
        if ('problem' in parsed) {
          const { span } = parsed.problem;
          assert.ok(span.offset >= 0 && span.offset <= text.length);
          assert.ok(span.length >= 0);
          assert.notEqual(parsed.problem.message, '');
          assert.notEqual(parsed.problem.hint, '');
        }
        const rendered = render(text, scope);
        if ('problems' in rendered) assert.ok(rendered.problems.length > 0);
        else assert.ok(isJson(rendered.value));
        evaluateCondition(text, scope);
        parseCondition(text);
      }),
      { numRuns: 3_000 },
    );
  });

  test('a text without ${ is left as it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        fc.pre(!text.includes('${'));
        assert.deepEqual(render(text, scope), { value: text, notes: [] });
      }),
    );
  });

  test('any JSON without expressions is left as it is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        fc.pre(!text.includes('${') && isJson(value));
        const rendered = render(isJson(value) ? value : null, scope);
        assert.equal('value' in rendered ? JSON.stringify(rendered.value) : '', text);
      }),
    );
  });

  test('escaping makes any text stand for itself', () => {
    fc.assert(
      fc.property(source, (text) => {
        fc.pre(!text.includes('$${'));
        assert.deepEqual(
          render(
            text.replaceAll('${', () => '$${'),
            scope,
          ),
          { value: text, notes: [] },
        );
      }),
    );
  });

  test('the pieces of a template cover its expressions exactly', () => {
    fc.assert(
      fc.property(source, (text) => {
        const parsed = parseTemplate(text);
        fc.pre('value' in parsed);
        if (!('value' in parsed)) return;
        for (const part of parsed.value.parts) {
          if (typeof part === 'string') continue;
          const piece = text.slice(part.span.offset, part.span.offset + part.span.length);
          assert.ok(piece.startsWith('${') && piece.endsWith('}'), piece);
        }
        assert.equal(expressionsIn(text).problems.length, 0);
      }),
    );
  });
});
