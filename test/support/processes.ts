import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

const OUTRIDER = fileURLToPath(new URL('../../control-plane/bin/outrider.mjs', import.meta.url));

/** What a finished command said. */
export interface Finished {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running `outrider …` process with everything it has said so far. */
export interface Running {
  readonly child: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** Resolves with the exit code; a signal counts as -1. */
  readonly finished: Promise<Finished>;
  /** Sends the signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<Finished>;
}

/** Starts `outrider ARGS` with this environment only (plus PATH): nothing of the machine's own configuration leaks in. */
export function startOutrider(args: readonly string[], env: Readonly<Record<string, string>>): Running {
  const child = spawn(process.execPath, [OUTRIDER, ...args], {
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const out: string[] = [];
  const err: string[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => out.push(text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => err.push(text));
  const finished = once(child, 'close').then(([code]) => ({
    exitCode: typeof code === 'number' ? code : -1,
    stdout: out.join(''),
    stderr: err.join(''),
  }));
  return {
    child,
    stdout: () => out.join(''),
    stderr: () => err.join(''),
    finished,
    end: async (signal) => {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      return finished;
    },
  };
}

/** A port that was free a moment ago, for a process that must come back at the same address after a restart. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}

/** Looks until there is an answer; fails with `what` when there is none in time. */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  limitMs = 30_000,
): Promise<T> {
  const end = performance.now() + limitMs;
  let lastError: unknown;
  for (;;) {
    try {
      const seen = await look();
      if (seen !== undefined) return seen;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() > end) {
      throw new Error(`waited ${limitMs} ms in vain: ${what}`, lastError === undefined ? {} : { cause: lastError });
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
