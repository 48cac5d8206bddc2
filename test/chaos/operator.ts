import { startOutrider } from '../support/processes.ts';
import type { Chance } from './chance.ts';
import { type Answer, type ApiAccess, call } from './http-call.ts';
import type { Installation } from './installation.ts';
import { APPLICATION, type Lane } from './lanes.ts';

/** What an operator asked for, and what was answered. */
export interface Request {
  readonly key: string;
  readonly executionId: string;
  /** How often it was sent until somebody answered it. */
  readonly sent: number;
  readonly by: 'api' | 'command line';
}

/** `answered`: the status of the first whole answer. */
export interface Intervention {
  readonly kind: 'abort' | 'rollback';
  readonly sent: number;
  readonly status: number;
}

/** How long an operator goes on asking before it is called a failure. */
const PATIENCE_MS = 240_000;
const AGAIN_AFTER_MS = 400;
const ENDED = new Set(['succeeded', 'failed', 'aborted', 'rejected']);

/** What an answer means to one who wants to start an execution: these are refusals that pass. */
const COMES_AGAIN = new Set(['no-eligible-delegate', 'not-ready', 'overloaded', 'store-failed']);

/** Starts an execution: asks with one idempotency key until it is answered. */
export async function startExecution(
  installation: Installation,
  lane: Lane,
  image: string,
  key: string,
  chance: Chance,
): Promise<Request> {
  const end = performance.now() + PATIENCE_MS;
  const byCommandLine = chance.maybe(0.1);
  for (let sent = 1; ; sent++) {
    const id = byCommandLine
      ? await startByCommandLine(installation, lane, image, key)
      : await startByApi(installation, lane, image, key);
    if (id !== undefined) return { key, executionId: id, sent, by: byCommandLine ? 'command line' : 'api' };
    if (performance.now() > end) throw new Error(`${key} was never answered`);
    await pause(AGAIN_AFTER_MS);
  }
}

async function startByApi(
  { api, ambush }: Installation,
  lane: Lane,
  image: string,
  key: string,
): Promise<string | undefined> {
  const loseAnswer = ambush.requestSent();
  const answer = await attempt(() =>
    call(api, 'POST', '/v1/executions', {
      loseAnswer,
      body: { workflow: lane.workflow, application: APPLICATION, artifacts: { [lane.service]: image }, reason: key },
      headers: { 'idempotency-key': key },
    }),
  );
  if (answer === undefined) return undefined;
  if (answer.status === 201) return textOf(answer, 'id');
  if (COMES_AGAIN.has(textOf(answer, 'code'))) return undefined;
  throw new Error(`${key} is answered ${answer.status}: ${JSON.stringify(answer.body)}`);
}

async function startByCommandLine(
  { cliEnvironment }: Installation,
  lane: Lane,
  image: string,
  key: string,
): Promise<string | undefined> {
  const args = ['--artifact', `${lane.service}=${image}`, '--reason', key, '--idempotency-key', key];
  const run = startOutrider(['run', `${APPLICATION}/${lane.workflow}`, '--detach', ...args], cliEnvironment);
  const limit = setTimeout(() => void run.end('SIGKILL'), 30_000);
  const { exitCode, stdout, stderr } = await run.finished;
  clearTimeout(limit);
  if (exitCode === 0) return stdout.trim();
  if (exitCode === -1 || /does not answer|did not answer|cut off|no delegate|not ready/i.test(stderr)) return undefined;
  throw new Error(`${key} ends with exit code ${exitCode}: ${stderr}`);
}

/** Asks until there is an answer, whatever it is. */
export async function intervene(
  { api, ambush }: Installation,
  executionId: string,
  kind: Intervention['kind'],
  key: string,
): Promise<Intervention> {
  const end = performance.now() + PATIENCE_MS;
  for (let sent = 1; ; sent++) {
    const path = `/v1/executions/${executionId}/${kind}`;
    const loseAnswer = ambush.requestSent();
    const answer = await attempt(() => call(api, 'POST', path, { loseAnswer, body: { reason: key } }));
    if (answer !== undefined && answer.status < 500) return { kind, sent, status: answer.status };
    if (performance.now() > end) throw new Error(`the ${kind} of ${executionId} was never answered`);
    await pause(AGAIN_AFTER_MS);
  }
}

/** Looks until the execution has ended; undefined: it had not when there was no more patience. */
export async function untilEnded(
  api: ApiAccess,
  executionId: string,
  giveUp: AbortSignal,
): Promise<string | undefined> {
  while (!giveUp.aborted) {
    const answer = await attempt(() => call(api, 'GET', `/v1/executions/${executionId}`, {}));
    const status = answer?.status === 200 ? textOf(answer, 'status') : '';
    if (ENDED.has(status)) return status;
    if (answer?.status === 404) throw new Error(`${executionId} was acknowledged and is not there`);
    await pause(AGAIN_AFTER_MS);
  }
  return undefined;
}

async function attempt(send: () => Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await send();
  } catch {
    // No answer: nobody knows what was done. Asking again with the same key is what the key is for.
    return undefined;
  }
}

function textOf(answer: Answer, field: string): string {
  const value = answer.body[field];
  return typeof value === 'string' ? value : '';
}

export async function pause(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}
