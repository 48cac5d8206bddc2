import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MUTANTS, type Mutant } from './mutants.ts';

/**
 * Puts each mutant into a copy of the tree and runs the tests that should notice it. A mutant that no test notices is a
 * hole in the tests, and this command fails. Run it with `npm run mutants`; a number limits it to one mutant.
 */
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const COPIED = [
  'shared',
  'control-plane',
  'delegate',
  'simulator',
  'proto',
  'examples',
  'docs',
  'test',
  'package.json',
];
const LIMIT_MS = 180_000;

const chosen =
  process.argv[2] === undefined ? MUTANTS : MUTANTS.filter((_, index) => String(index + 1) === process.argv[2]);
const copy = await copyTree();
let survived = 0;
try {
  // A test that fails without any mutant would kill them all.
  const tests = [...new Set(chosen.flatMap((mutant) => mutant.tests))];
  if (!(await testsPass(copy, tests))) throw new Error('the tests fail without a mutant: mend them first');
  for (const mutant of chosen) {
    const found = await runMutant(copy, mutant);
    if (!found.killed) survived++;
    console.log(`${found.killed ? 'killed  ' : 'SURVIVED'} ${found.seconds.toFixed(1).padStart(5)} s  ${mutant.what}`);
  }
} finally {
  await rm(copy, { recursive: true, force: true });
}
console.log(`${chosen.length - survived} of ${chosen.length} mutants killed`);
process.exitCode = survived === 0 ? 0 : 1;

async function copyTree(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'outrider-mutants-'));
  for (const name of COPIED) {
    await cp(join(ROOT, name), join(directory, name), {
      recursive: true,
      filter: (source) => !source.includes('node_modules'),
    });
  }
  // The packages stay where they are; the workspaces must be the copied ones, or the mutants would not be loaded.
  const modules = join(directory, 'node_modules');
  await mkdir(join(modules, '@outrider'), { recursive: true });
  for (const entry of await readdir(join(ROOT, 'node_modules'))) {
    if (entry !== '@outrider') await symlink(join(ROOT, 'node_modules', entry), join(modules, entry));
  }
  for (const name of ['shared', 'control-plane', 'delegate', 'simulator']) {
    await symlink(join(directory, name), join(modules, '@outrider', name));
  }
  for (const name of ['shared', 'control-plane', 'delegate', 'simulator']) {
    const own = join(ROOT, name, 'node_modules');
    const present = await readdir(own).catch(() => []);
    if (present.length > 0) await symlink(own, join(directory, name, 'node_modules'));
  }
  return directory;
}

async function runMutant(directory: string, mutant: Mutant): Promise<{ killed: boolean; seconds: number }> {
  const path = join(directory, mutant.file);
  const original = await readFile(path, 'utf8');
  const parts = original.split(mutant.find);
  if (parts.length !== 2) {
    throw new Error(
      `${mutant.file}: expected the text of the mutant once, found it ${parts.length - 1} times: ${mutant.find}`,
    );
  }
  const begun = performance.now();
  await writeFile(path, parts.join(mutant.replace));
  try {
    const passed = await testsPass(directory, mutant.tests);
    return { killed: !passed, seconds: (performance.now() - begun) / 1_000 };
  } finally {
    await writeFile(path, original);
  }
}

async function testsPass(directory: string, tests: readonly string[]): Promise<boolean> {
  const child = spawn(process.execPath, ['--test', ...tests], { cwd: directory, stdio: 'ignore' });
  const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
  const [code] = await once(child, 'close');
  clearTimeout(timer);
  return code === 0;
}
