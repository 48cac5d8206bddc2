import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { EXIT_MEANINGS } from '../../../control-plane/src/cli/exit-codes.ts';
import { startTestApi, type TestApi } from '../../support/api.ts';

const page = (name: string) => readFileSync(new URL(`../../../docs/${name}.md`, import.meta.url), 'utf8');

describe('docs/api.md', () => {
  let api: TestApi;
  before(async () => {
    api = await startTestApi();
  });
  after(() => api.close());

  test('names every route that there is, and no other', async () => {
    const { json } = await api.call('GET', '/openapi.json');
    const paths: Record<string, object> = JSON.parse(JSON.stringify(json['paths']));
    const routes = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const documented = [...page('api').matchAll(/`((?:GET|POST|PUT|DELETE) \/[^`…]*)`/g)].map(
      ([, route]) => route ?? '',
    );
    assert.deepEqual([...new Set(documented.filter((route) => !route.includes('…')))].toSorted(), routes.toSorted());
  });
});

describe('docs/cli.md', () => {
  test('has the exit codes of `outrider help exit-codes`', () => {
    const rows = [...page('cli').matchAll(/^\| ([0-9]+) \| (.*) \|$/gm)].map(([, code, meaning]) => [
      Number(code),
      (meaning ?? '').replaceAll('`', ''),
    ]);
    assert.deepEqual(
      rows,
      EXIT_MEANINGS.map(([code, meaning]) => [code, meaning]),
    );
  });

  test('names every command that there is', () => {
    const help = readFileSync(new URL('../../golden/cli/help/outrider.txt', import.meta.url), 'utf8');
    const names = [...help.matchAll(/^ {2}([a-z-]+)(?: \[options\]| <| {2,}| \[topic)/gm)].map(
      ([, name]) => name ?? '',
    );
    assert.ok(names.length > 15);
    for (const name of names) assert.match(page('cli'), new RegExp(`\`outrider ${name}`), name);
  });
});
