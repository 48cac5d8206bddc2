import type { OperatorRequest } from '../ports.ts';
import type { Random } from '../random.ts';
import type { PlantContext } from './context.ts';
import type { OperatorApi } from './control-plane.ts';
import { type HttpAnswer, isPassing, sendRequest } from './http.ts';
import { SAMPLES } from './samples.ts';

const BY = { name: 'operator' };

/** People who ask for something and ask again until they are answered. */
export class Operators {
  readonly #context: PlantContext;
  readonly #random: Random;
  readonly #api: () => OperatorApi | undefined;
  readonly #onStarted: (executionId: string) => void;
  /** Executions by the key of the request that started them; null: it was refused. */
  readonly #executions = new Map<string, string | null>();
  /** Interrupts that wait to hear of their execution. */
  readonly #waiting = new Map<string, OperatorRequest[]>();
  #open = 0;

  constructor(context: PlantContext, api: () => OperatorApi | undefined, onStarted: (executionId: string) => void) {
    this.#context = context;
    this.#random = context.random.fork('operators');
    this.#api = api;
    this.#onStarted = onStarted;
  }

  /** Requests that have no answer yet. */
  get open(): number {
    return this.#open;
  }

  /** Key of the request by the execution that it started. */
  get started(): ReadonlyMap<string, string> {
    const entries = [...this.#executions].filter((entry): entry is [string, string] => entry[1] !== null);
    return new Map(entries.map(([key, executionId]) => [executionId, key]));
  }

  /** Everything that the script asks for, at its times. */
  begin(): void {
    const { script, scheduler } = this.#context;
    for (const request of script.requests) {
      this.#open += 1;
      scheduler.after(request.atMs, () => this.#ask(request), `operator ${request.kind}`);
    }
  }

  #ask(request: OperatorRequest): void {
    if (request.kind === 'run') return this.#send(request, async (api) => await startOf(api, request));
    const executionId = this.#executions.get(request.key);
    if (executionId === null) return this.#refused(request, 'never-started');
    if (executionId === undefined) {
      this.#waiting.set(request.key, [...(this.#waiting.get(request.key) ?? []), request]);
      return;
    }
    this.#send(request, async ({ executions }) => {
      const reason = 'a person wants it';
      if (request.kind === 'abort') await executions.abort(executionId, { rollback: request.rollback, reason }, BY);
      else await executions.rollback(executionId, { reason }, BY);
      return executionId;
    });
  }

  #send(request: OperatorRequest, perform: (api: OperatorApi) => Promise<string>): void {
    const { recorder, scheduler } = this.#context;
    recorder.note('operator:asked', 'operator', `${request.kind} ${request.key}`);
    const again = () => {
      const pauseMs = this.#random.whole(500, 4_000);
      scheduler.after(pauseMs, () => this.#send(request, perform), `operator ${request.kind} again`);
    };
    sendRequest(this.#context, this.#random, this.#api, perform, (answer: HttpAnswer<string>) => {
      if (answer.kind === 'unreachable' || (answer.kind === 'error' && isPassing(answer.error))) return again();
      if (answer.kind === 'error') return this.#refused(request, answer.error.code);
      recorder.answer({ request, executionId: answer.value, atMs: answer.atMs });
      this.#settled(request, answer.value);
    });
  }

  #refused(request: OperatorRequest, code: string): void {
    this.#context.recorder.note('operator:refused', 'operator', `${request.kind} ${request.key}: ${code}`);
    this.#settled(request, null);
  }

  #settled(request: OperatorRequest, executionId: string | null): void {
    this.#open -= 1;
    if (request.kind !== 'run') return;
    this.#executions.set(request.key, executionId);
    if (executionId !== null) this.#onStarted(executionId);
    for (const interrupt of this.#waiting.get(request.key) ?? []) this.#ask(interrupt);
    this.#waiting.delete(request.key);
  }
}

async function startOf(
  { executions }: OperatorApi,
  request: Extract<OperatorRequest, { kind: 'run' }>,
): Promise<string> {
  const { application, workflow, service } = SAMPLES[request.workflow];
  const { execution } = await executions.start(
    {
      application,
      workflow,
      artifacts: { [service]: request.image },
      variables: {},
      reason: 'simulated',
      idempotencyKey: request.key,
    },
    BY,
  );
  return execution.id;
}
