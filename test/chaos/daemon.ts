import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';

/** How one life of a process ended. */
export interface Ending {
  /** Whether we ended it. */
  readonly asked: boolean;
  readonly how: string;
}

export interface Memory {
  /** Largest resident size of any life of this process, so far as it was looked at. */
  readonly peakMiB: number;
  readonly looks: number;
}

/** A process that is killed, frozen and started again while its place in the installation stays. */
export interface Daemon {
  readonly name: string;
  readonly logFile: string;
  readonly lives: number;
  readonly isRunning: boolean;
  start(): void;
  /** SIGKILL, and waits until it is gone; it may be frozen. */
  kill(): Promise<void>;
  /** SIGTERM, and waits for the end, at most so long; then SIGKILL. */
  stop(limitMs: number): Promise<void>;
  freeze(): void;
  thaw(): void;
  /** Looks at how much memory it has. */
  measure(): void;
  memory(): Memory;
  endings(): readonly Ending[];
}

export interface DaemonOptions {
  readonly name: string;
  readonly command: readonly string[];
  /** Asked at each start. */
  readonly env: () => Readonly<Record<string, string>>;
  /** Everything it says, of all its lives. */
  readonly logFile: string;
}

export function createDaemon(options: DaemonOptions): Daemon {
  let child: ChildProcess | undefined;
  let lives = 0;
  let asked = false;
  let peakMiB = 0;
  let looks = 0;
  const endings: Ending[] = [];
  const measure = () => {
    const size = child?.pid === undefined ? undefined : residentPeakMiB(child.pid);
    if (size === undefined) return;
    peakMiB = Math.max(peakMiB, size);
    looks += 1;
  };
  // Whatever becomes of the run, nothing of it is left behind.
  process.once('exit', () => child?.kill('SIGKILL'));
  const end = async (signal: NodeJS.Signals, limitMs: number) => {
    if (child === undefined) return;
    measure();
    asked = true;
    const gone = once(child, 'exit');
    child.kill(signal);
    const killer = setTimeout(() => child?.kill('SIGKILL'), limitMs);
    await gone;
    clearTimeout(killer);
  };
  return {
    name: options.name,
    logFile: options.logFile,
    get lives() {
      return lives;
    },
    get isRunning() {
      return child !== undefined;
    },
    start() {
      if (child !== undefined) return;
      const log = openSync(options.logFile, 'a');
      const [command = '', ...rest] = options.command;
      const started = spawn(command, rest, { env: options.env(), stdio: ['ignore', log, log] });
      closeSync(log);
      lives += 1;
      asked = false;
      child = started;
      started.once('exit', (code, signal) => {
        endings.push({ asked, how: signal ?? `exit code ${code}` });
        child = undefined;
      });
    },
    kill: () => end('SIGKILL', 10_000),
    stop: (limitMs) => end('SIGTERM', limitMs),
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    measure,
    memory: () => ({ peakMiB, looks }),
    endings: () => endings,
  };
}

/** The most memory that a process has had in its life; undefined where nobody tells. */
function residentPeakMiB(pid: number): number | undefined {
  try {
    const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kibibytes === undefined ? undefined : Number(kibibytes) / 1024;
  } catch {
    return undefined;
  }
}
