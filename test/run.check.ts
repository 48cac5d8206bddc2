import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { main as generate } from '../proto/generate.ts';
import { closingLine, runTests, type TestCount } from './run.ts';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

/** Programs for Node and programs for a browser are checked apart: they see different globals. */
const TYPED_PROJECTS = globSync('**/tsconfig.json', { cwd: ROOT, exclude: ['**/node_modules/**'] }).toSorted();

interface Stage {
  readonly name: string;
  /** What to do when it fails. */
  readonly remedy: string;
  /** Whether it passed; it has printed why not. */
  readonly run: () => Promise<boolean> | boolean;
}

const STAGES: readonly Stage[] = [
  {
    name: 'types',
    remedy: 'npm run typecheck',
    run: () => TYPED_PROJECTS.map((project) => tool('tsc', ['--noEmit', '-p', project])).every(Boolean),
  },
  {
    name: 'lint',
    remedy: 'npm run lint; rules are in .oxlintrc.json',
    run: () => tool('oxlint', []),
  },
  {
    name: 'format',
    remedy: 'npm run format writes what is missing',
    run: () => tool('biome', ['check', '--diagnostic-level=warn']),
  },
  {
    name: 'generated code',
    remedy: 'npm run generate, then commit what it wrote',
    run: async () => (await generate(['--check'])) === 0,
  },
  {
    name: 'protocol style',
    remedy: 'change the proto file as it says; rules are in buf.yaml',
    run: () => tool('buf', ['lint']),
  },
  {
    name: 'protocol compatibility',
    remedy:
      'delegates of the last release would misread this: add fields instead of changing them; buf.yaml says when the baseline is renewed',
    run: () => tool('buf', ['breaking', '--against', 'proto/baseline.json']),
  },
];

/**
 * `npm run check`: everything CI runs. Every stage runs, also after one failed, then every test; each stage counts as one check in the closing line.
 * Paths choose the tests, as for `npm test`.
 */
export async function main(argv: readonly string[]): Promise<number> {
  const failed: Stage[] = [];
  for (const stage of STAGES) {
    process.stdout.write(`check: ${stage.name}\n`);
    const started = Date.now();
    const passed = await stage.run();
    process.stdout.write(`check: ${stage.name} ${passed ? 'passed' : 'FAILED'} in ${seconds(started)}\n`);
    if (!passed) failed.push(stage);
  }
  process.stdout.write('check: tests\n');
  const started = Date.now();
  const tests = await testsOrFailure(argv);
  process.stdout.write(`check: tests ${tests.failed === 0 ? 'passed' : 'FAILED'} in ${seconds(started)}\n`);
  for (const stage of failed) process.stdout.write(`check: ${stage.name} failed: ${stage.remedy}\n`);
  const count = { passed: tests.passed + STAGES.length - failed.length, failed: tests.failed + failed.length };
  process.stdout.write(`${closingLine(count)}\n`);
  return count.failed === 0 ? 0 : 1;
}

async function testsOrFailure(argv: readonly string[]): Promise<TestCount> {
  try {
    return await runTests(argv);
  } catch (error) {
    process.stdout.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return { passed: 0, failed: 1 };
  }
}

function tool(name: string, args: readonly string[]): boolean {
  const result = spawnSync(path.join(ROOT, 'node_modules', '.bin', name), args, {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (result.error !== undefined) process.stdout.write(`${name} does not start: ${result.error.message}\n`);
  return result.status === 0;
}

function seconds(started: number): string {
  return `${((Date.now() - started) / 1000).toFixed(1)} s`;
}
