import { type ChildProcess, spawn } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureChromium, needsChromium } from './run.chromium.ts';
import { ensureTools } from './run.debian.ts';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
/** A test that takes longer has hung. */
const TEST_TIMEOUT_MS = 2 * 60 * 1000;
/**
 * So has a file, whose process is then killed with everything it started: a timer or a socket left open keeps a finished file alive. The longest takes two
 * minutes on a machine that does nothing else.
 */
const FILE_TIMEOUT_MS = 15 * 60 * 1000;
/** Of a file's output at most this much is kept, the end of it. */
const OUTPUT_LIMIT_CHARS = 1024 * 1024;
/** With no more files than this, every test's title is printed, not only those of files that failed. */
const FILES_SHOWN_WHOLE = 3;

export interface TestCount {
  readonly passed: number;
  readonly failed: number;
}

interface FileResult extends TestCount {
  readonly skipped: number;
  readonly output: string;
  /** Why the file failed beyond its tests; undefined if it did not. */
  readonly trouble: string | undefined;
}

/**
 * `npm test [-- PATH…]`: runs every test file, or those below the given paths, and closes with a line `N passed, N failed`. Answers 0 only if at least
 * one test ran and none failed.
 */
export async function main(argv: readonly string[]): Promise<number> {
  const count = await runTests(argv);
  process.stdout.write(`${closingLine(count)}\n`);
  return count.failed === 0 && count.passed > 0 ? 0 : 1;
}

/** The line that closes a run: alone on its line, last of all. */
export function closingLine(count: TestCount): string {
  return `${count.passed} passed, ${count.failed} failed`;
}

/**
 * Runs the chosen test files, each in a process of its own, as many at a time as the machine has cores, and prints each as it ends. A run without any
 * test counts as one failure, and so does a file that declares none, crashes, or does not end.
 */
export async function runTests(paths: readonly string[]): Promise<TestCount> {
  const files = testFiles(paths);
  const whole = files.length <= FILES_SHOWN_WHOLE;
  const total = { passed: 0, failed: 0, skipped: 0 };
  const environment = testEnvironment(files);
  ensureTools(files);
  const waiting = longestFirst(files);
  const work = async (_: unknown, worker: number): Promise<void> => {
    // One takes the long files, the others the short ones: what computes all the time runs beside what mostly waits.
    const next = () => (worker === 0 ? waiting.shift() : waiting.pop());
    for (let file = next(); file !== undefined; file = next()) {
      const started = Date.now();
      const result = await runFile(file, environment);
      total.passed += result.passed;
      total.failed += result.failed;
      total.skipped += result.skipped;
      process.stdout.write(describeResult(file, result, Date.now() - started, whole));
    }
  };
  await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }).map(work));
  if (total.skipped > 0) process.stdout.write(`${total.skipped} skipped\n`);
  if (total.passed + total.failed === 0) process.stdout.write('no test ran\n');
  return { passed: total.passed, failed: total.passed + total.failed === 0 ? 1 : total.failed };
}

/** Absolute paths of the test files chosen by `paths` (files or folders, relative to the root); every one if there are none. Throws if one matches nothing. */
export function testFiles(paths: readonly string[], root: string = ROOT): readonly string[] {
  const all = globSync('test/**/*.test.ts', { cwd: root }).toSorted();
  const chosen = new Set<string>();
  for (const wanted of paths) {
    const place = path.relative(root, path.resolve(root, wanted));
    const found = all.filter((file) => file === place || file.startsWith(`${place}${path.sep}`));
    if (found.length === 0) throw new Error(`${wanted}: no test file there; test files are test/**/*.test.ts`);
    for (const file of found) chosen.add(file);
  }
  return (paths.length === 0 ? all : [...chosen]).map((file) => path.join(root, file));
}

/** Files that say `// takes minutes` before all others; each kind in its order when the others are taken from the end. */
export function longestFirst(files: readonly string[]): string[] {
  const isLong = (file: string) => /^\/\/ takes minutes$/m.test(readFileSync(file, 'utf8'));
  const long = files.filter(isLong);
  return [...long, ...files.filter((file) => !long.includes(file)).toReversed()];
}

/**
 * What tests see of this machine's settings: nothing that points at a real AWS account or a running Outrider, so that no test can reach either, the
 * browser where one of the files needs it, and how long bad peers go on.
 */
function testEnvironment(files: readonly string[]): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(AWS_|OUTRIDER_(?!FUZZ_)|ECS_|NODE_TEST|NODE_OPTIONS$)/.test(name),
  );
  const environment: NodeJS.ProcessEnv = {
    ...Object.fromEntries(kept),
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: '/dev/null',
  };
  environment['AWS_SHARED_CREDENTIALS_FILE'] = '/dev/null';
  if (needsChromium(files)) environment['OUTRIDER_CHROMIUM'] = ensureChromium();
  return environment;
}

async function runFile(file: string, env: NodeJS.ProcessEnv): Promise<FileResult> {
  const scratch = mkdtempSync(path.join(tmpdir(), 'outrider-test-'));
  const tap = path.join(scratch, 'result.tap');
  try {
    const options = [
      `--test-timeout=${TEST_TIMEOUT_MS}`,
      '--test-reporter=spec',
      '--test-reporter-destination=stdout',
      '--test-reporter=tap',
      `--test-reporter-destination=${tap}`,
    ];
    const { output, ending } = await runToEnd([...options, file], env);
    return { ...judge(readIfThere(tap), ending), output };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Reads the totals that Node's TAP reporter writes when all tests have ended; a missing total means that they did not. */
export function judge(tap: string, ending: string | undefined): Omit<FileResult, 'output'> {
  const total = (name: string): number | undefined => {
    const line = new RegExp(`^# ${name} (\\d+)$`, 'm').exec(tap);
    return line?.[1] === undefined ? undefined : Number(line[1]);
  };
  const [tests, passed, failed, cancelled] = ['tests', 'pass', 'fail', 'cancelled'].map(total);
  if (tests === undefined || passed === undefined || failed === undefined || cancelled === undefined) {
    return { passed: 0, failed: 1, skipped: 0, trouble: ending ?? 'ended before its tests did, or declares none' };
  }
  const skipped = (total('skipped') ?? 0) + (total('todo') ?? 0);
  const broken = failed + cancelled;
  if (tests === 0) return { passed, failed: 1, skipped, trouble: 'declares no test' };
  if (broken > 0) return { passed, failed: broken, skipped, trouble: ending };
  return { passed, failed: ending === undefined ? 0 : 1, skipped, trouble: ending };
}

interface Ending {
  readonly output: string;
  /** How the process ended, if not with exit code 0. */
  readonly ending: string | undefined;
}

function runToEnd(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Ending> {
  // a process group of its own: what a test started and left behind can be ended with it
  const child = spawn(process.execPath, [...args], {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  running.add(child);
  let output = '';
  const keep = (chunk: string): void => {
    output = (output + chunk).slice(-OUTPUT_LIMIT_CHARS);
  };
  child.stdout.setEncoding('utf8').on('data', keep);
  child.stderr.setEncoding('utf8').on('data', keep);
  let hung = false;
  const watchdog = setTimeout(() => {
    hung = true;
    killGroup(child);
  }, FILE_TIMEOUT_MS);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    // what a test left running would hold the output open, so it is ended first and the output read to its end then
    child.on('exit', () => killGroup(child));
    child.on('close', (code, signal) => {
      clearTimeout(watchdog);
      running.delete(child);
      const minutes = FILE_TIMEOUT_MS / 60_000;
      if (hung)
        resolve({
          output,
          ending: `did not end within ${minutes} min: a test hangs, or a timer, socket or process was left open`,
        });
      else if (code === 0) resolve({ output, ending: undefined });
      else resolve({ output, ending: signal === null ? `exit code ${code}` : `ended by ${signal}` });
    });
  });
}

const running = new Set<ChildProcess>();

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // nothing of the group is left
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    for (const child of running) killGroup(child);
    process.kill(process.pid, signal);
  });
}

function describeResult(file: string, result: FileResult, tookMs: number, whole: boolean): string {
  const verdict = result.failed === 0 ? 'ok  ' : 'FAIL';
  const seconds = (tookMs / 1000).toFixed(1);
  const line = `${verdict} ${path.relative(ROOT, file)}  ${closingLine(result)}  ${seconds} s\n`;
  const why = result.trouble === undefined || result.failed === 0 ? '' : `     ${result.trouble}\n`;
  return result.failed > 0 || whole ? `${result.output}${line}${why}` : line;
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
