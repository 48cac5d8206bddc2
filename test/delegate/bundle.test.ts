import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, globSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ROOT } from '../architecture/tree.ts';

const DOCKERFILE = readFileSync(path.join(ROOT, 'Dockerfile.delegate'), 'utf8');
const LONGEST_RUN_MS = 60_000;
/** The delegate with all it needs; a jump means that something large came along unseen. */
const LARGEST_BUNDLE_BYTES = 4 * 1024 * 1024;

const scratch = mkdtempSync(path.join(tmpdir(), 'outrider-bundle-'));
const stage = path.join(scratch, 'build');
const image = path.join(scratch, 'image');

before(() => {
  copyBuildContext();
  linkDependencies();
  const built = node(stage, {}, 'control-plane/bin/launch.mjs', 'delegate/build.ts');
  assert.equal(built.status, 0, built.output);
  // out of the tree: what it needs it must have with it
  cpSync(path.join(stage, 'dist', 'delegate'), image, { recursive: true });
});

after(() => rmSync(scratch, { recursive: true, force: true }));

/** Brings into the build folder what the image's build stage copies into it, and no more. */
function copyBuildContext(): void {
  const [buildStage = ''] = DOCKERFILE.split(/^FROM /m).slice(1);
  for (const [, sources = ''] of buildStage.matchAll(/^COPY (?!--)(.+)$/gm)) {
    const words = sources.trim().split(/\s+/);
    const target = words.at(-1) ?? '';
    for (const source of words.slice(0, -1)) {
      const to = source.endsWith('/') ? target : path.join(target, path.basename(source));
      cpSync(path.join(ROOT, source), path.join(stage, to), { recursive: true });
    }
  }
}

/** `npm ci` in a moment: the packages that are installed here, and the workspaces of the build folder itself. */
function linkDependencies(): void {
  const modules = path.join(stage, 'node_modules');
  mkdirSync(path.join(modules, '@outrider'), { recursive: true });
  for (const name of readdirSync(path.join(ROOT, 'node_modules'))) {
    if (name !== '@outrider') symlinkSync(path.join(ROOT, 'node_modules', name), path.join(modules, name));
  }
  for (const name of ['shared', 'delegate', 'control-plane', 'simulator']) {
    symlinkSync(path.join('..', '..', name), path.join(modules, '@outrider', name));
  }
}

function node(
  cwd: string,
  env: NodeJS.ProcessEnv,
  ...args: readonly string[]
): { readonly status: number | null; readonly output: string } {
  const base = { PATH: process.env['PATH'], HOME: scratch };
  const result = spawnSync(process.execPath, args, {
    cwd,
    env: { ...base, ...env },
    encoding: 'utf8',
    timeout: LONGEST_RUN_MS,
  });
  return { status: result.status, output: `${result.stdout}${result.stderr}` };
}

describe('the delegate as it ships', () => {
  test('starts without the tree and without node_modules, and says its version', () => {
    const { status, output } = node(image, {}, 'main.mjs', '--version');
    assert.equal(status, 0, output);
    assert.match(output, /\d+\.\d+\.\d+/);
  });

  test('without a control plane to dial it says which variable is missing, and ends', () => {
    const { status, output } = node(image, { OUTRIDER_DATA_DIR: path.join(scratch, 'data') }, 'main.mjs');
    assert.equal(status, 2, output);
    assert.match(output, /OUTRIDER_CONTROL_PLANE/);
    assert.doesNotMatch(output, /^\s+at /m);
  });

  test('every file of it can be loaded, and its compiled form is kept', () => {
    const cache = path.join(scratch, 'compile-cache');
    const warm = /--eval \\\s+"(.+)"$/m.exec(DOCKERFILE)?.[1]?.replaceAll('/opt/outrider', image);
    assert.ok(warm !== undefined, 'Dockerfile.delegate no longer fills the compile cache');
    const env = { NODE_COMPILE_CACHE: cache };
    for (const run of [
      ['main.mjs', '--version'],
      ['--input-type=module', '--eval', warm],
    ]) {
      const { status, output } = node(image, env, '--max-semi-space-size=1', ...run);
      assert.equal(status, 0, output);
    }
    const kept = globSync('**/*', { cwd: cache }).length;
    assert.ok(kept >= globSync('**/*.mjs', { cwd: image }).length, `only ${kept} files in the compile cache`);
  });

  test('stays small, carries the licences of what is in it, and names no path of the machine that built it', () => {
    const files = globSync('**/*.mjs', { cwd: image });
    const texts = files.map((file) => readFileSync(path.join(image, file), 'utf8'));
    const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    assert.ok(bytes < LARGEST_BUNDLE_BYTES, `${bytes} bytes`);
    for (const text of texts) assert.ok(!text.includes(ROOT) && !text.includes(scratch));
    assert.ok(globSync('**/*.LEGAL.txt', { cwd: image }).length > 0);
  });

  test('the image runs it without root and checks that it lives', () => {
    const last = DOCKERFILE.slice(DOCKERFILE.lastIndexOf('\nFROM '));
    assert.equal(last.match(/^USER .+$/gm)?.at(-1), 'USER node');
    assert.match(last, /^HEALTHCHECK /m);
    assert.match(last, /^ENTRYPOINT \["node", "--max-semi-space-size=1", "\/opt\/outrider\/main\.mjs"\]$/m);
    for (const [name] of last.matchAll(/OUTRIDER_[A-Z_]+/g))
      assert.ok(['OUTRIDER_DATA_DIR', 'OUTRIDER_LOG_LEVEL'].includes(name), name);
  });
});
