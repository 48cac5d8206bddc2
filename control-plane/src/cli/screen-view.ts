import {
  type ExecutionBody,
  execution as executionSchema,
  logPage,
  type ServiceCountsBody,
  type StepBody,
} from '@outrider/shared/api/schemas.ts';
import { type ApiClient, apiPath } from './client.ts';
import type { CliContext } from './context.ts';
import { executionLines, outcomeLines } from './render/execution.ts';
import type { Palette } from './render/palette.ts';
import { Screen } from './render/screen.ts';
import type { ProgressMessage, WatchView } from './view.ts';

/** However much happens, the screen is drawn anew no sooner than this. */
const SHORTEST_REDRAW_MS = 200;
const TAIL_LINES = 3;

interface Tail {
  next: string | undefined;
  lines: { readonly at: string; readonly text: string }[];
}

/** The whole execution on one screen, drawn in place; a few lines of the log below each step that runs. */
export class ScreenView implements WatchView {
  readonly #context: CliContext;
  readonly #client: ApiClient;
  readonly #id: string;
  readonly #screen: Screen;
  readonly #palette: Palette;
  readonly #tails = new Map<string, Tail>();
  readonly #counts = new Map<string, ServiceCountsBody>();
  #lastReadMs = 0;
  #reading = false;
  #over = false;

  constructor(context: CliContext, client: ApiClient, id: string) {
    this.#context = context;
    this.#client = client;
    this.#id = id;
    this.#screen = new Screen(context.io.stdout);
    this.#palette = context.palette(context.io.stdout);
  }

  event(): void {
    void this.tick().catch(() => undefined);
  }

  progress({ services }: ProgressMessage): void {
    for (const service of services) this.#counts.set(service.service, service);
    this.event();
  }

  async tick(): Promise<void> {
    const nowMs = this.#context.io.now();
    if (this.#reading || this.#over || nowMs - this.#lastReadMs < SHORTEST_REDRAW_MS) return;
    this.#reading = true;
    this.#lastReadMs = nowMs;
    try {
      const { value } = await this.#client.call('GET', apiPath('executions', this.#id), executionSchema);
      await Promise.all(runningSteps(value).map((step) => this.#readTail(step.id)));
      if (!this.#over) this.#draw(value, ['', this.#palette.paint('quiet', 'Ctrl-C leaves it running')]);
    } finally {
      this.#reading = false;
    }
  }

  ended(execution: ExecutionBody): void {
    this.#over = true;
    this.#draw(execution, ['']);
    this.#screen.leave();
    const { io } = this.#context;
    const view = { execution, url: this.#client.url, nowMs: io.now(), palette: this.#palette };
    io.stdout.write(`${outcomeLines(view).join('\n')}\n`);
  }

  left(): void {
    this.#over = true;
    this.#screen.leave();
  }

  #draw(execution: ExecutionBody, footer: readonly string[]): void {
    const running = runningSteps(execution);
    const view = {
      execution,
      url: this.#client.url,
      nowMs: this.#context.io.now(),
      palette: this.#palette,
      tails: new Map(running.map((step) => [step.id, this.#tails.get(step.id)?.lines ?? []])),
      counts: running.length === 0 ? [] : [...this.#counts.values()],
    };
    this.#screen.draw([...executionLines(view), ...footer]);
  }

  async #readTail(stepId: string): Promise<void> {
    const tail = this.#tails.get(stepId) ?? { next: undefined, lines: [] };
    this.#tails.set(stepId, tail);
    const path = apiPath('executions', this.#id, 'steps', stepId, 'logs');
    const { value } = await this.#client.call('GET', path, logPage, { query: { after: tail.next } });
    tail.next = value.next;
    for (const line of value.lines.filter(({ text }) => text.trim() !== '')) {
      // Waiting lines repeat: the newest stands for all.
      if (tail.lines.at(-1)?.text === line.text) tail.lines.pop();
      tail.lines.push(line);
    }
    tail.lines = tail.lines.slice(-TAIL_LINES);
  }
}

function runningSteps(execution: ExecutionBody): StepBody[] {
  return execution.phases.flatMap((phase) => phase.steps).filter((step) => step.status === 'running');
}
