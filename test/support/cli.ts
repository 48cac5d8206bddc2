import type { Starters } from '../../control-plane/src/cli/commands/processes.ts';
import type { CliIo, Output } from '../../control-plane/src/cli/io.ts';
import { runCli } from '../../control-plane/src/cli/program.ts';

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliRun {
  readonly finished: Promise<CliResult>;
  stdout(): string;
  stderr(): string;
  /** Ctrl-C. */
  interrupt(): void;
}

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly isTerminal?: boolean;
  readonly stdin?: string;
  readonly cwd?: string;
  readonly now?: () => number;
}

const NO_STARTERS: Starters = {
  dev: async () => 0,
  controlPlane: async () => 0,
  delegate: async () => 0,
  simulator: async () => 0,
  storeFiles: {
    backUp: async () => Promise.reject(new Error('not part of these tests')),
    restore: async () => Promise.reject(new Error('not part of these tests')),
  },
};

/** Runs a command within this process, with the test as its terminal. */
export function startCli(url: string, args: readonly string[], options: CliOptions = {}): CliRun {
  const written = { stdout: '', stderr: '' };
  const output = (name: 'stdout' | 'stderr'): Output => ({
    write(text) {
      written[name] += text;
    },
    isTerminal: options.isTerminal ?? false,
    columns: 120,
    rows: 40,
  });
  const interrupts = new Set<() => void>();
  const io: CliIo = {
    env: { OUTRIDER_URL: url, NO_COLOR: options.isTerminal === true ? '' : '1', ...options.env },
    cwd: options.cwd ?? process.cwd(),
    stdout: output('stdout'),
    stderr: output('stderr'),
    readStdin: async () => options.stdin ?? '',
    now: options.now ?? Date.now,
    onInterrupt(listener) {
      interrupts.add(listener);
      return () => interrupts.delete(listener);
    },
  };
  const finished = runCli(args, io, NO_STARTERS, '0.0.0-test').then((code) => ({ code, ...written }));
  return {
    finished,
    stdout: () => written.stdout,
    stderr: () => written.stderr,
    interrupt() {
      for (const listener of interrupts) listener();
    },
  };
}

export async function cli(url: string, args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return await startCli(url, args, options).finished;
}
