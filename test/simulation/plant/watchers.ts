import { OutriderError } from '@outrider/shared/errors.ts';
import type { WatchedEvent } from '../ports.ts';
import type { Random } from '../random.ts';
import { Lane } from '../scheduler.ts';
import type { PlantContext } from './context.ts';
import type { OperatorApi } from './control-plane.ts';

const MAX_PAGE = 1_000;
/** A change that the process was not told of is seen after this at the latest. */
const LOOK_AGAIN_MS = 5_000;
/** What a reader waits before it connects again. */
const RETRY_MS = 2_000;
/** A stream says something every 15 s; one that is silent for longer is dead. */
const SILENCE_MS = 45_000;
/** Connections that break although the script does not say so, by event. */
const BROKEN = 0.01;

/** One connection of a watcher, from its request to its end. */
interface Reading {
  over: boolean;
  readonly lane: Lane;
}

/** Follows the events of one execution to its end, and comes back after the last event that it has seen. */
export class Watcher {
  readonly #context: PlantContext;
  readonly #random: Random;
  readonly #api: () => OperatorApi | undefined;
  readonly #name: string;
  readonly #executionId: string;
  #seq = 0;
  #reading: Reading | undefined;
  #cancelSilence: () => void = () => {};
  /** It has seen the end, or there is no such execution any more. */
  done = false;

  constructor(context: PlantContext, api: () => OperatorApi | undefined, name: string, executionId: string) {
    this.#context = context;
    this.#random = context.random.fork(`watcher/${name}`);
    this.#api = api;
    this.#name = name;
    this.#executionId = executionId;
  }

  begin(): void {
    const { scheduler } = this.#context;
    const reading: Reading = { over: false, lane: new Lane({ ordered: true }) };
    this.#reading = reading;
    this.#hear(reading);
    this.#travel(reading, () => {
      const api = this.#api();
      if (api === undefined) return this.#travel(reading, () => this.#lose(reading));
      const { process } = api;
      process.onEnd(() => this.#travel(reading, () => this.#lose(reading)));
      const after = this.#seq;
      process.clock.deliver(0, () => void this.#serve(api, reading, after), 'watch');
    });
    scheduler.note(`watch ${this.#name} after ${this.#seq}`);
  }

  /** The control plane's part: what control-plane/src/http/routes/live.ts does for one reader. */
  async #serve(api: OperatorApi, reading: Reading, after: number): Promise<void> {
    const { executions, engine, process } = api;
    const { weather } = this.#context;
    const wake = createWake(process.clock);
    const stopListening = engine.onCommitted((changed) => {
      if (changed === this.#executionId) wake.signal();
    });
    try {
      let seq = after;
      while (!reading.over) {
        const page = await executions.events(this.#executionId, seq, MAX_PAGE);
        for (const { seq: at, event } of page.events) {
          if (weather.mishap(BROKEN)) return this.#travel(reading, () => this.#lose(reading));
          const seen = { watcher: this.#name, executionId: this.#executionId, seq: at, type: event.type };
          this.#travel(reading, () => this.#see(reading, seen));
          seq = at;
        }
        if (page.ended) return this.#travel(reading, () => this.#end(reading));
        if (page.events.length === 0) await wake.wait();
        else this.#travel(reading, () => this.#hear(reading));
      }
    } catch (thrown) {
      const gone = OutriderError.from(thrown).code === 'not-found';
      this.#travel(reading, () => (gone ? this.#end(reading) : this.#lose(reading)));
    } finally {
      stopListening();
    }
  }

  #see(reading: Reading, event: WatchedEvent): void {
    if (reading.over) return;
    this.#context.recorder.watch(event);
    this.#seq = event.seq;
    this.#hear(reading);
  }

  #end(reading: Reading): void {
    if (reading.over) return;
    reading.over = true;
    this.#cancelSilence();
    this.done = true;
  }

  #lose(reading: Reading): void {
    if (reading.over) return;
    reading.over = true;
    this.#cancelSilence();
    this.#context.recorder.note('watcher:reconnects', this.#name);
    this.#context.scheduler.after(RETRY_MS, () => this.begin(), 'watch again');
  }

  /** Something came: the stream lives. */
  #hear(reading: Reading): void {
    this.#cancelSilence();
    const look = () => {
      // A stream whose process is awake says something of itself; only a frozen one is silent.
      if (this.#api()?.process.awake === true && this.#reading === reading) this.#hear(reading);
      else this.#lose(reading);
    };
    this.#cancelSilence = this.#context.scheduler.after(SILENCE_MS, look, 'watcher waits');
  }

  #travel(reading: Reading, arrive: () => void): void {
    this.#context.scheduler.after(this.#random.whole(1, 12), arrive, 'watch', reading.lane);
  }
}

interface Wake {
  signal(): void;
  wait(): Promise<void>;
}

/** As control-plane/src/http/wake.ts, on the process's own time. */
function createWake(clock: { after(milliseconds: number, run: () => void): () => void }): Wake {
  let news = false;
  let resume: (() => void) | undefined;
  return {
    signal() {
      news = true;
      resume?.();
    },
    async wait() {
      if (!news) {
        await new Promise<void>((resolve) => {
          const finish = () => {
            cancel();
            resume = undefined;
            resolve();
          };
          const cancel = clock.after(LOOK_AGAIN_MS, finish);
          resume = finish;
        });
      }
      news = false;
    },
  };
}
