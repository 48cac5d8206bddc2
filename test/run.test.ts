import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { needsChromium } from './run.chromium.ts';
import { closingLine, judge, longestFirst, testFiles } from './run.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'outrider-run-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

function write(file: string, text: string): string {
  const place = path.join(scratch, file);
  mkdirSync(path.dirname(place), { recursive: true });
  writeFileSync(place, text);
  return place;
}

function totals(tests: number, pass: number, fail: number, cancelled = 0, skipped = 0): string {
  return `TAP version 13\n# tests ${tests}\n# suites 1\n# pass ${pass}\n# fail ${fail}\n# cancelled ${cancelled}\n# skipped ${skipped}\n# todo 0\n`;
}

describe('judging how a test file ended', () => {
  test('it passes only if its process ended well and none of its tests failed', () => {
    assert.deepEqual(judge(totals(3, 3, 0), undefined), { passed: 3, failed: 0, skipped: 0, trouble: undefined });
    assert.deepEqual(judge(totals(4, 2, 1, 1), 'exit code 1'), {
      passed: 2,
      failed: 2,
      skipped: 0,
      trouble: 'exit code 1',
    });
    assert.equal(judge(totals(3, 2, 0, 0, 1), undefined).skipped, 1);
  });

  test('a hook that failed after all tests had passed is a failure', () => {
    assert.equal(judge(totals(3, 3, 0), 'exit code 1').failed, 1);
  });

  test('a file that crashed, hung, left in the middle of a test or declares none is a failure', () => {
    assert.deepEqual(judge('', 'exit code 1'), { passed: 0, failed: 1, skipped: 0, trouble: 'exit code 1' });
    assert.equal(judge('TAP version 13\nok 1 - first\n', 'ended by SIGKILL').failed, 1);
    assert.match(judge('', undefined).trouble ?? '', /declares none/);
    assert.equal(judge(totals(0, 0, 0), undefined).failed, 1);
  });

  test('the closing line has the form that CI reads', () => {
    assert.equal(closingLine({ passed: 12, failed: 0 }), '12 passed, 0 failed');
  });
});

describe('choosing test files', () => {
  test('long ones stand at one end, the others in their order at the other', () => {
    const [short, long, last] = [
      write('order/a.test.ts', ''),
      write('order/b.test.ts', '// takes minutes\n'),
      write('order/c.test.ts', ''),
    ];
    assert.deepEqual(longestFirst([short, long, last]), [long, last, short]);
    rmSync(path.join(scratch, 'order'), { recursive: true });
  });

  test('takes all of them, a folder, or one file, and refuses a path that holds none', () => {
    const files = ['test/a/one.test.ts', 'test/a/two.test.ts', 'test/ab/three.test.ts'].map((file) => write(file, ''));
    write('test/a/helper.ts', '');
    assert.deepEqual(testFiles([], scratch), files);
    assert.deepEqual(testFiles(['test/a'], scratch), files.slice(0, 2));
    assert.deepEqual(testFiles(['test/a/', 'test/a/one.test.ts'], scratch), files.slice(0, 2));
    assert.deepEqual(testFiles(['./test/ab/three.test.ts'], scratch), files.slice(2));
    assert.throws(() => testFiles(['test/c'], scratch), /test\/c: no test file there/);
  });
});

describe('whether a browser is needed', () => {
  const driver = 'playwright-core';

  test('it is for what drives one, directly or through a helper, and for nothing else', () => {
    write('test/support/browser.ts', `import { chromium } from '${driver}';`);
    const helped = write('test/http/page.test.ts', "import { open } from '../support/browser.ts';");
    const direct = write('test/http/direct.test.ts', `const { chromium } = await import('${driver}');`);
    const plain = write('test/http/plain.test.ts', "import { get } from './get.ts';\nimport './plain.test.ts';");
    assert.ok(needsChromium([helped]));
    assert.ok(needsChromium([plain, direct]));
    assert.ok(!needsChromium([plain]));
  });
});
