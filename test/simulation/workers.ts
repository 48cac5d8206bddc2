import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { BUG_VARIABLE } from './bug-state.ts';
import { isReply, type Order, type Reply } from './worker-protocol.ts';

const WORKER = fileURLToPath(new URL('histories-worker.ts', import.meta.url));
const HOOK = new URL('bug-hook.ts', import.meta.url).href;
const COMPILE_CACHE = fileURLToPath(new URL('../../node_modules/.outrider-compile-cache', import.meta.url));
/** An order that takes longer has hung: a history has come into a loop that virtual time does not get out of. */
const ORDER_LIMIT_MS = 180_000;

export interface WorkerOptions {
  /** Name of the seeded bug that what it runs has. */
  readonly bug?: string;
}

/** A process of its own that runs histories. End it. */
export class HistoriesWorker {
  readonly #child: ChildProcess;
  #exit: string | undefined;

  constructor({ bug }: WorkerOptions = {}) {
    const env: NodeJS.ProcessEnv = { ...process.env };
    delete env['NODE_OPTIONS'];
    // Set by a test runner for its own children.
    delete env['NODE_TEST_CONTEXT'];
    // Loading takes longer than many histories.
    env['NODE_COMPILE_CACHE'] = COMPILE_CACHE;
    if (bug !== undefined) env[BUG_VARIABLE] = bug;
    this.#child = fork(WORKER, {
      env,
      execArgv: bug === undefined ? [] : ['--import', HOOK],
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child.once('exit', (code, signal) => {
      this.#exit = `the worker ended with ${signal ?? `exit code ${code}`}`;
    });
  }

  /** One at a time. Throws when the worker cannot do it, ends, or hangs. */
  async order<K extends Reply['kind']>(order: Order, wanted: K): Promise<Extract<Reply, { kind: K }>> {
    if (this.#exit !== undefined) throw new Error(this.#exit);
    const reply = await this.#ask(order);
    if (reply.kind === 'broken') throw new Error(reply.why);
    if (!isOf(reply, wanted)) throw new Error(`a worker answered ${reply.kind} to ${order.kind}`);
    return reply;
  }

  async end(): Promise<void> {
    if (this.#exit !== undefined) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }

  async #ask(order: Order): Promise<Reply> {
    return await new Promise<Reply>((resolve, reject) => {
      const done = () => {
        clearTimeout(watchdog);
        this.#child.off('message', take);
        this.#child.off('exit', gone);
      };
      const take = (message: unknown) => {
        done();
        if (isReply(message)) resolve(message);
        else reject(new Error(`not a reply: ${JSON.stringify(message)}`));
      };
      const gone = (code: number | null, signal: string | null) => {
        done();
        reject(new Error(`the worker ended with ${signal ?? `exit code ${code}`} at ${orderText(order)}`));
      };
      const watchdog = setTimeout(() => {
        this.#child.kill('SIGKILL');
        done();
        reject(new Error(`${orderText(order)} did not end within ${ORDER_LIMIT_MS / 1000} s`));
      }, ORDER_LIMIT_MS);
      this.#child.on('message', take);
      this.#child.on('exit', gone);
      this.#child.send(order);
    });
  }
}

function isOf<K extends Reply['kind']>(reply: Reply, kind: K): reply is Extract<Reply, { kind: K }> {
  return reply.kind === kind;
}

function orderText(order: Order): string {
  if (order.kind !== 'run') return `${order.kind} of seed ${order.script.seed}`;
  return `histories of seeds ${order.seeds[0]}–${order.seeds.at(-1)}`;
}
