import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { ensureDependencies } from '../../../control-plane/bin/install.mjs';

const PACKAGES = {
  '': {},
  shared: { version: '0.1.0' },
  'node_modules/@outrider/shared': { resolved: 'shared', link: true },
  'node_modules/zod': { version: '4.6.7' },
  'node_modules/other-platform': { version: '1.0.0', optional: true },
};

let root = '';
let calls: string[][] = [];
const ci = process.env['CI'];

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'outrider-install-'));
  calls = [];
  delete process.env['CI'];
  writeLock(PACKAGES);
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
  if (ci === undefined) delete process.env['CI'];
  else process.env['CI'] = ci;
});

function writeLock(packages: object): void {
  writeFileSync(path.join(root, 'package-lock.json'), JSON.stringify({ packages }));
}

/** What npm does, as far as it can be seen: its own record of what it installed for this platform. */
async function npm(args: readonly string[]): Promise<void> {
  calls.push([...args]);
  await delay(20);
  const lock = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8'));
  delete lock.packages['node_modules/other-platform'];
  mkdirSync(path.join(root, 'node_modules'), { recursive: true });
  writeFileSync(path.join(root, 'node_modules', '.package-lock.json'), JSON.stringify(lock));
}

describe('bringing dependencies up to the lock file', () => {
  test('a fresh clone is installed exactly as locked, without install scripts, and only once', async () => {
    assert.equal(await ensureDependencies(root, { install: npm }), 'installed');
    assert.equal(await ensureDependencies(root, { install: npm }), 'current');
    assert.equal(calls.length, 1);
    assert.equal(calls[0]?.[0], 'ci');
    assert.ok(calls[0]?.includes('--ignore-scripts'));
  });

  test('a lock file that changed is followed without deleting what runs, but in CI from scratch', async () => {
    await ensureDependencies(root, { install: npm });
    writeLock({ ...PACKAGES, 'node_modules/zod': { version: '4.7.0' } });
    assert.equal(await ensureDependencies(root, { install: npm }), 'installed');
    assert.equal(calls[1]?.[0], 'install');
    process.env['CI'] = 'true';
    writeLock({ ...PACKAGES, 'node_modules/zod': { version: '4.8.0' } });
    assert.equal(await ensureDependencies(root, { install: npm }), 'installed');
    assert.equal(calls[2]?.[0], 'ci');
  });

  test('what somebody installed by hand counts', async () => {
    await npm(['install']);
    assert.equal(await ensureDependencies(root, { install: npm }), 'current');
    assert.equal(calls.length, 1);
  });

  test('a new workspace that is not linked yet is noticed', async () => {
    await ensureDependencies(root, { install: npm });
    writeLock({ ...PACKAGES, 'node_modules/@outrider/new': { resolved: 'new', link: true } });
    assert.equal(await ensureDependencies(root, { install: npm }), 'installed');
  });

  test('several starts at once install once', async () => {
    const answers = await Promise.all(Array.from({ length: 4 }, () => ensureDependencies(root, { install: npm })));
    assert.deepEqual(answers.toSorted(), ['current', 'current', 'current', 'installed']);
    assert.equal(calls.length, 1);
  });

  test('an install that failed is tried again, and one whose process died does not hold up the next', async () => {
    const failing = ensureDependencies(root, { install: () => Promise.reject(new Error('no network')) });
    await assert.rejects(failing, /no network/);
    mkdirSync(path.join(root, '.outrider'), { recursive: true });
    // a process id that no machine gives out
    writeFileSync(path.join(root, '.outrider', 'install.lock'), String(2 ** 30));
    assert.equal(await ensureDependencies(root, { install: npm }), 'installed');
    assert.ok(!existsSync(path.join(root, '.outrider', 'install.lock')));
  });

  test('a published package, which has no lock file, is left alone', async () => {
    rmSync(path.join(root, 'package-lock.json'));
    assert.equal(await ensureDependencies(root, { install: npm }), 'current');
    assert.equal(calls.length, 0);
  });
});
