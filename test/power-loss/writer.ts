import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { eventually } from '../support/processes.ts';

/** A process that writes and says a line for each thing that was acknowledged to it. It can be held still at any moment. */
export class Writer {
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  #text = '';
  #complaint = '';
  #lines: string[] = [];

  constructor(script: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    this.#child = spawn(process.execPath, [script, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#closed = once(this.#child, 'close');
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = `${this.#text}${text}`.split('\n');
      this.#text = lines.pop() ?? '';
      this.#lines.push(...lines);
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#complaint += text;
    });
  }

  /** Lines that came since this was asked last. */
  takeLines(): string[] {
    return this.#lines.splice(0);
  }

  /** Waits until it has said so many lines that were not taken yet. Throws when it ends before. */
  async says(count: number): Promise<void> {
    await eventually(`${count} acknowledgements`, () => {
      if (this.#lines.length >= count) return true;
      if (this.#child.exitCode !== null) throw new Error(`it ended by itself: ${this.#complaint}`);
      return undefined;
    });
  }

  /** Runs for a while, then stands still: nothing of it runs when this resolves. */
  async holdAfter(milliseconds: number): Promise<void> {
    const end = performance.now() + milliseconds;
    await eventually('its moment', () => (performance.now() >= end ? true : undefined));
    const { pid } = this.#child;
    if (pid === undefined || this.#child.exitCode !== null) throw new Error(`it ended by itself: ${this.#complaint}`);
    this.#child.kill('SIGSTOP');
    await eventually('all its threads stand still', () => (standsStill(pid) ? true : undefined));
  }

  /** Waits until it has stopped by itself; false: it has ended. */
  async stops(): Promise<boolean> {
    return await eventually('it stops or ends', () => {
      const { pid } = this.#child;
      if (pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null) return false;
      return standsStill(pid) ? true : undefined;
    });
  }

  goOn(): void {
    this.#child.kill('SIGCONT');
  }

  /** Also of one that stands still. All that it said is there then. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#closed;
  }

  /** Waits for its end. `killed`: it did not end by itself. */
  async ended(): Promise<{ readonly killed: boolean; readonly exitCode: number | null; readonly complaint: string }> {
    await this.#closed;
    return { killed: this.#child.signalCode === 'SIGKILL', exitCode: this.#child.exitCode, complaint: this.#complaint };
  }
}

function standsStill(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).every((task) => {
      const stat = readFileSync(`/proc/${pid}/task/${task}/stat`, 'utf8');
      return /^[Tt]/.test(stat.slice(stat.lastIndexOf(')') + 2));
    });
  } catch {
    // It, or one of its threads, has just ended.
    return false;
  }
}
