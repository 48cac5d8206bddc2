import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ERRORS } from '@outrider/shared/errors.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'examples/README.md',
  'simulator/README.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];
/** Top-level folders: text in backticks that begins with one of them is a path of this tree. */
const FOLDERS = ['proto', 'shared', 'control-plane', 'delegate', 'simulator', 'test', 'docs', 'examples'];

for (const page of PAGES) {
  describe(relative('.', page), () => {
    const text = readFileSync(join(ROOT, page), 'utf8');

    test('every link to a file leads somewhere', () => {
      const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? '');
      for (const link of links.filter((target) => !/^(https?:|#)/.test(target))) {
        const path = join(ROOT, dirname(page), link.replace(/#.*$/, ''));
        assert.ok(existsSync(path), `${page} links to ${link}`);
      }
    });

    test('every path that it names exists', () => {
      const named = [...text.replace(/```[\s\S]*?```/g, '').matchAll(/`([^`\s]+)`/g)].map((match) => match[1] ?? '');
      const paths = named.filter((name) => FOLDERS.some((folder) => name.startsWith(`${folder}/`)));
      for (const path of paths.filter((name) => !/[*<>{}…]/.test(name))) {
        assert.ok(existsSync(join(ROOT, path)), `${page} names ${path}`);
      }
    });

    test('it names no error code that does not exist', () => {
      for (const [, code] of text.matchAll(/\/errors\/([a-z-]+)/g)) {
        assert.ok(code !== undefined && Object.hasOwn(ERRORS, code), `${page} names the error ${code}`);
      }
    });
  });
}

test('the life of an execution is told in ten numbered steps', () => {
  const text = readFileSync(join(ROOT, 'docs/life-of-an-execution.md'), 'utf8');
  const steps = [...text.matchAll(/^\*\*([0-9]+)\. /gm)].map((match) => Number(match[1]));
  assert.deepEqual(steps, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});
