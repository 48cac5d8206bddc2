import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { scan } from './scan.ts';

function importsOf(source: string): readonly (string | undefined)[] {
  return scan(source).imports.map((found) => found.specifier);
}

describe('reading the imports of a file', () => {
  test('finds every form of import and re-export, with its line', () => {
    const source = [
      "import 'side-effect';",
      "import one from 'default';",
      "import * as two from 'namespace';",
      "import type { Three } from 'types';",
      'import {\n  four,\n  type Five as Six,\n} from "several-lines";',
      "import seven, { from } from 'mixed' with { type: 'json' };",
      "export { eight } from 're-export';",
      "export * as nine from 'star';",
      "export type { Ten } from 're-exported-types';",
      "const eleven = await import('dynamic');",
      "import twelve = require('equals');",
      "const thirteen = require('common');",
      "type Fourteen = import('in-a-type').X;",
    ].join('\n');
    assert.deepEqual(importsOf(source), [
      'side-effect',
      'default',
      'namespace',
      'types',
      'several-lines',
      'mixed',
      're-export',
      'star',
      're-exported-types',
      'dynamic',
      'equals',
      'common',
      'in-a-type',
    ]);
    assert.equal(scan(source).imports[4]?.line, 5);
    assert.equal(scan(source).imports[9]?.line, 13);
  });

  test('tells types from values', () => {
    const typeOnly = (source: string): boolean | undefined => scan(source).imports[0]?.typeOnly;
    assert.equal(typeOnly("import type { A } from 'a';"), true);
    assert.equal(typeOnly("import type A from 'a';"), true);
    assert.equal(typeOnly("import type * as a from 'a';"), true);
    assert.equal(typeOnly("export type { A } from 'a';"), true);
    assert.equal(typeOnly("import type from 'a';"), false);
    assert.equal(typeOnly("import { type A } from 'a';"), false);
    assert.equal(typeOnly("import { a } from 'a';"), false);
  });

  test('is not misled by comments, strings, templates and regular expressions', () => {
    assert.deepEqual(importsOf("// import 'a';\n/* import 'b'; */ import 'c';"), ['c']);
    assert.deepEqual(importsOf("const text = \"import 'a'\"; import 'b';"), ['b']);
    assert.deepEqual(importsOf("const text = `import 'a' ${import('b') + `${'}'}`} import 'c'`; import 'd';"), [
      'b',
      'd',
    ]);
    assert.deepEqual(importsOf("const quote = /['\"`/]/.test(x) ? /[/'] \\/'/ : 4 / 2; import 'a';"), ['a']);
    assert.deepEqual(importsOf("const half = (a + b) / 2; const s = 'x'; const c = d / 2; import 'a';"), ['a']);
    assert.deepEqual(importsOf("export const from = 'a'; export default 'b'; export { c }; const d = 'e';"), []);
    assert.deepEqual(
      importsOf("loader.import('a'); import.meta.resolve('b'); const o = { import: 'c', export: 'd' };"),
      [],
    );
  });

  test('says that an import is computed', () => {
    assert.deepEqual(importsOf('await import(name); await import("a" + b); await import(`./${c}`);'), [
      undefined,
      undefined,
      undefined,
    ]);
  });

  test('keeps comments apart from code, with their lines', () => {
    const { comments } = scan(
      "#!/usr/bin/env node\nconst url = 'http://example.com'; // one\n/* two\nlines */ const x = 1;",
    );
    assert.deepEqual(
      comments.map((comment) => [comment.line, comment.text]),
      [
        [1, '#!/usr/bin/env node'],
        [2, '// one'],
        [3, '/* two\nlines */'],
      ],
    );
  });
});
