import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** A program that some tests run, and where Debian has it. */
interface Tool {
  readonly command: string;
  readonly packages: readonly string[];
  readonly what: string;
}

const TOOLS: readonly Tool[] = [
  { command: 'cc', packages: ['gcc', 'libc6-dev'], what: 'a C compiler' },
  { command: 'spin', packages: ['spin'], what: 'the model checker spin' },
];

/** Sees that the programs which these test files run are there. A file names what it needs in a line `// needs: cc, spin`. */
export function ensureTools(files: readonly string[]): void {
  for (const tool of TOOLS) {
    const wanted = files.find((file) => neededBy(readFileSync(file, 'utf8')).includes(tool.command));
    if (wanted === undefined || findProgram([tool.command]) !== undefined) continue;
    const remedy = `${path.basename(wanted)} needs ${tool.what}: install ${tool.command} (Debian, as root: apt-get install ${tool.packages.join(' ')})`;
    installDebian(tool.packages, remedy);
    if (findProgram([tool.command]) === undefined)
      throw new Error(`apt-get installed ${tool.packages.join(' ')}, but ${tool.command} is not in PATH`);
  }
}

/** Installs packages where that can be done, which is as root on Debian. Throws `remedy` where it cannot. */
export function installDebian(packages: readonly string[], remedy: string): void {
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) throw new Error(remedy);
  process.stdout.write(`a test needs what is not installed: apt-get install ${packages.join(' ')}\n`);
  for (const args of [['update'], ['install', '-y', '--no-install-recommends', ...packages]]) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const result = spawnSync('apt-get', args, { env, stdio: ['ignore', 2, 2] });
    if (result.status !== 0) throw new Error(`apt-get ${args.join(' ')} failed; its own message is above. ${remedy}`);
  }
}

/** The first of these programs that is in PATH or at one of the other places. */
export function findProgram(names: readonly string[], elsewhere: readonly string[] = []): string | undefined {
  const directories = (process.env['PATH'] ?? '').split(path.delimiter);
  const places = directories.flatMap((directory) => names.map((name) => path.join(directory, name)));
  return [...places, ...elsewhere].find(isExecutable);
}

export function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function neededBy(text: string): readonly string[] {
  return (/^\/\/ needs: (.+)$/m.exec(text)?.[1] ?? '').split(/,\s*/);
}
