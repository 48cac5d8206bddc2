import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Condition } from './patient-process.ts';

const PROCESS = fileURLToPath(new URL('./patient-process.ts', import.meta.url));

/** A delegate to be ill-treated. */
export class Patient {
  readonly #child: ChildProcess;
  readonly #directory: string;
  readonly #printed: string[];
  #questions = 0;

  private constructor(child: ChildProcess, directory: string, printed: string[]) {
    this.#child = child;
    this.#directory = directory;
    this.#printed = printed;
  }

  static async start(port: number, environment: Readonly<Record<string, string>> = {}): Promise<Patient> {
    const directory = mkdtempSync(path.join(tmpdir(), 'outrider-patient-'));
    const child = fork(PROCESS, {
      execArgv: ['--max-old-space-size=256'],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: {
        PATH: process.env['PATH'] ?? '',
        PATIENT_PORT: String(port),
        PATIENT_DIR: directory,
        ...environment,
      },
    });
    const printed: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => printed.push(text));
    }
    await new Promise<void>((resolve, reject) => {
      child.once('message', () => resolve());
      child.once('exit', () => reject(new Error(`the delegate does not start: ${printed.join('')}`)));
    });
    return new Patient(child, directory, printed);
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get printed(): string {
    return this.#printed.join('');
  }

  async condition(ask: 'condition' | 'mark' = 'condition'): Promise<Condition> {
    this.#questions += 1;
    const id = this.#questions;
    return await new Promise((resolve, reject) => {
      const gone = () => reject(new Error(`the delegate has died: ${this.printed}`));
      const listen = (told: { readonly id: number; readonly condition: Condition }) => {
        if (told.id !== id) return;
        this.#child.off('message', listen);
        this.#child.off('exit', gone);
        resolve(told.condition);
      };
      if (!this.alive) return gone();
      this.#child.on('message', listen);
      this.#child.once('exit', gone);
      this.#child.send({ ask, id });
    });
  }

  async close(): Promise<void> {
    if (this.alive) {
      this.#child.kill('SIGKILL');
      await once(this.#child, 'exit');
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
