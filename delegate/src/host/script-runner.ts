import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { setTimeout as delay } from 'node:timers/promises';
import { stoppedBy } from '../steps/stopped.ts';
import type { Script, ScriptEnd, ScriptRunner } from './ports.ts';
import { COLLECTOR, SUPERVISOR } from './script-shell.ts';

/** Between asking the group to end and killing it. */
const GRACE_MS = 5_000;
/** What is still written after the group is gone comes from processes that left it: nobody waits for them. */
const LAST_OUTPUT_MS = 2_000;
/** A longer line is told in pieces. */
const LINE_MAX_LENGTH = 8_000;

/**
 * Scripts of workflows. `directory` belongs to them alone: what a delegate that was killed left there goes at the start, since
 * its scripts went with it.
 */
export function createScriptRunner(options: {
  readonly directory: string;
  readonly environment?: NodeJS.ProcessEnv;
  readonly graceMs?: number;
}): ScriptRunner {
  const { directory, environment = process.env, graceMs = GRACE_MS } = options;
  rmSync(directory, { recursive: true, force: true });
  return {
    async run(script, signal) {
      if (signal.aborted) throw stoppedBy(signal);
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      const folder = mkdtempSync(path.join(directory, 'script-'));
      try {
        return await runIn(folder, script, signal, { environment: inherited(environment), graceMs });
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}

/** Join tokens and the like are the delegate's, not the script's. */
function inherited(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('OUTRIDER_')));
}

async function runIn(
  folder: string,
  script: Script,
  signal: AbortSignal,
  tools: { readonly environment: NodeJS.ProcessEnv; readonly graceMs: number },
): Promise<ScriptEnd> {
  const files = filesOf(folder, script);
  const cwd = script.workingDirectory ?? path.join(folder, 'work');
  if (!isFolder(cwd)) return { kind: 'failed', why: `the working directory ${cwd} does not exist` };
  const child = spawn('/bin/bash', ['--noprofile', '--norc', files.supervisor], {
    cwd,
    detached: true,
    env: { ...tools.environment, ...script.environment },
    // The fourth is held open by this process alone: when it ends, the supervisor kills the group.
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const output = readLines(child, script.onLine);
  const closed = once(child, 'close').catch(() => undefined);
  const began = await spawned(child);
  if (began !== undefined) return { kind: 'failed', why: `bash cannot be started: ${began}` };
  const exited = child.exitCode === null ? once(child, 'exit') : Promise.resolve();
  const stop = onStop(child, signal, tools.graceMs);
  await exited;
  stop();
  // Whatever it has started goes with it.
  signalGroup(child, 'SIGKILL');
  await Promise.race([closed, delay(LAST_OUTPUT_MS, undefined, { ref: false })]);
  output.end();
  for (const stream of child.stdio) stream?.destroy();
  if (signal.aborted) throw stoppedBy(signal);
  return { kind: 'exited', exitCode: child.exitCode ?? 128, ...readVariables(files.variables, script) };
}

interface Files {
  readonly supervisor: string;
  readonly variables: string;
}

function filesOf(folder: string, script: Script): Files {
  const at = (name: string) => path.join(folder, name);
  const write = (name: string, text: string) => writeFileSync(at(name), text, { mode: 0o600 });
  mkdirSync(at('work'), { mode: 0o700 });
  write('script', script.text);
  write('collector', COLLECTOR({ script: at('script'), output: at('variables'), names: script.variables }));
  write('supervisor', SUPERVISOR(at('collector')));
  return { supervisor: at('supervisor'), variables: at('variables') };
}

function isFolder(name: string): boolean {
  return statSync(name, { throwIfNoEntry: false })?.isDirectory() === true;
}

async function spawned(child: ChildProcess): Promise<string | undefined> {
  try {
    await once(child, 'spawn');
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Asks the group to end when the step is to stop, and then makes it. */
function onStop(child: ChildProcess, signal: AbortSignal, graceMs: number): () => void {
  let killing: NodeJS.Timeout | undefined;
  const stop = () => {
    signalGroup(child, 'SIGTERM');
    killing = setTimeout(() => signalGroup(child, 'SIGKILL'), graceMs);
  };
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  return () => {
    signal.removeEventListener('abort', stop);
    clearTimeout(killing);
  };
}

/** A group that is gone needs no signal. */
function signalGroup({ pid }: ChildProcess, name: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, name);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

function readLines(child: ChildProcess, onLine: Script['onLine']): { end(): void } {
  const readers = (['stdout', 'stderr'] as const).map((name) => {
    const decoder = new StringDecoder('utf8');
    let rest = '';
    const take = (text: string, last: boolean) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) tellLine(line, (piece) => onLine(name, piece));
      if (rest.length > LINE_MAX_LENGTH || (last && rest !== '')) {
        tellLine(rest, (piece) => onLine(name, piece));
        rest = '';
      }
    };
    child[name]?.on('data', (chunk: Buffer) => take(decoder.write(chunk), false));
    return () => take(decoder.end(), true);
  });
  return {
    end() {
      for (const end of readers) end();
    },
  };
}

function tellLine(line: string, tell: (piece: string) => void): void {
  const text = line.endsWith('\r') ? line.slice(0, -1) : line;
  for (let start = 0; start === 0 || start < text.length; start += LINE_MAX_LENGTH) {
    tell(text.slice(start, start + LINE_MAX_LENGTH));
  }
}

/** Name and value in turns, each ended by a zero byte. */
function readVariables(
  file: string,
  script: Script,
): Pick<Extract<ScriptEnd, { kind: 'exited' }>, 'variables' | 'tooLarge'> {
  const unset = Object.fromEntries(script.variables.map((name) => [name, '']));
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size > script.variablesLimitBytes) return { variables: unset, tooLarge: true };
  const parts = size === 0 ? [] : readFileSync(file, 'utf8').split('\0');
  const set = script.variables.map((name, index): [string, string] => [name, parts[2 * index + 1] ?? '']);
  return { variables: size === 0 ? unset : Object.fromEntries(set), tooLarge: false };
}
