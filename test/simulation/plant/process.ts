import { HostClock } from '../host-clock.ts';
import type { Random } from '../random.ts';
import type { Scheduler } from '../scheduler.ts';

/**
 * One run of a program on a host, from its start to its end or its death. Everything that reaches it goes through its clock: once
 * it is dead, nothing ever calls it again and no promise that it waits for is ever kept, so that whatever it was about simply
 * stops. What it calls looks whether it still lives.
 */
export class Process {
  readonly host: string;
  readonly clock: HostClock;
  /** Of this run alone. */
  readonly random: Random;
  readonly #endings: (() => void)[] = [];

  constructor(scheduler: Scheduler, options: { host: string; run: number; wallOffsetMs: number; random: Random }) {
    const { host, run, wallOffsetMs, random } = options;
    this.host = host;
    this.clock = new HostClock(scheduler, { name: host, wallOffsetMs });
    this.random = random.fork(`${host}/${run}`);
  }

  get alive(): boolean {
    return this.clock.alive;
  }

  /** It lives and is not frozen. */
  get awake(): boolean {
    return this.clock.alive && !this.clock.frozen;
  }

  /** Called once, when the process is gone: the machine closes its connections, what it had asked for may still happen. */
  onEnd(run: () => void): void {
    this.#endings.push(run);
  }

  /** Gone at once, whether it wanted to or not. */
  kill(): void {
    if (!this.alive) return;
    this.clock.kill();
    for (const run of this.#endings.splice(0)) run();
  }

  /** Resolves in this process after the time; never if it dies. */
  async pause(milliseconds: number, label: string): Promise<void> {
    await new Promise<void>((resolve) => {
      this.clock.deliver(milliseconds, resolve, label);
    });
  }
}
