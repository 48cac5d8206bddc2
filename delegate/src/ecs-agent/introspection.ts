import { request } from 'undici';
import type { ContainerMetadata } from '../aws/ports.ts';

/** The agent's usual port; OUTRIDER_ECS_AGENT_PORT moves it. */
export const ECS_AGENT_PORT = 51_678;
const TIMEOUT_MS = 2_000;
/** A host that did not answer is not asked again for this long: off-host access is usually blocked for good. */
const SILENCE_MS = 300_000;
const HOSTS_KEPT = 1_000;
const ANSWER_MAX_BYTES = 1_048_576;

export interface IntrospectionOptions {
  readonly port: number;
  readonly clock: { now(): number };
  /** Asks one address; throws nothing. Default: over HTTP, two seconds at most. */
  readonly ask?: (url: string) => Promise<AgentAnswer>;
}

export type AgentAnswer =
  | { readonly kind: 'answered'; readonly body: string }
  | { readonly kind: 'refused'; readonly why: string }
  /** The host is not asked again for a while. */
  | { readonly kind: 'silent'; readonly why: string };

/** Reads `OUTRIDER_ECS_AGENT_PORT`; anything that is no port counts as not given. */
export function ecsAgentPort(environment: NodeJS.ProcessEnv): number {
  const text = environment['OUTRIDER_ECS_AGENT_PORT'] ?? '';
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : ECS_AGENT_PORT;
}

/** The introspection endpoint of ECS agents. One for the whole process: it remembers which hosts keep silent. */
export function createIntrospection(options: IntrospectionOptions): ContainerMetadata {
  const { ask = askOverHttp } = options;
  const silent = new Map<string, { readonly until: number; readonly why: string }>();
  const url = (host: string) => `http://${host.includes(':') ? `[${host}]` : host}:${options.port}/v1/tasks`;
  return {
    url,
    async dockerIds(host, taskArn) {
      const base = url(host);
      const known = silent.get(host);
      if (known !== undefined && known.until > options.clock.now()) {
        return { kind: 'unreachable', url: base, why: `${known.why} (not asked again for a while)` };
      }
      const answer = await ask(`${base}?taskarn=${encodeURIComponent(taskArn)}`);
      if (answer.kind === 'silent') {
        if (silent.size >= HOSTS_KEPT) silent.clear();
        silent.set(host, { until: options.clock.now() + SILENCE_MS, why: answer.why });
        return { kind: 'unreachable', url: base, why: answer.why };
      }
      silent.delete(host);
      if (answer.kind === 'refused') return { kind: 'unreachable', url: base, why: answer.why };
      const byContainer = dockerIdsOf(answer.body, taskArn);
      if (byContainer === undefined) {
        return {
          kind: 'unreachable',
          url: base,
          why: 'the agent does not know the task, or its answer has another form',
        };
      }
      return { kind: 'found', url: base, byContainer };
    },
  };
}

/**
 * Container name → docker id of one task, from either documented answer: the task itself (a query by ARN) or
 * `{"Tasks": […]}`. Undefined when the task is not in it. An agent that does not know the task answers with empty fields.
 */
export function dockerIdsOf(body: string, taskArn: string): ReadonlyMap<string, string> | undefined {
  const answer = parse(body);
  const tasks = member(answer, 'Tasks');
  const candidates: readonly unknown[] = Array.isArray(tasks) ? tasks : [answer];
  const task = candidates.find((candidate) => member(candidate, 'Arn') === taskArn);
  const containers = member(task, 'Containers');
  if (!Array.isArray(containers)) return undefined;
  const found = new Map<string, string>();
  for (const container of containers) {
    const name = member(container, 'Name');
    const dockerId = member(container, 'DockerId');
    if (typeof name !== 'string' || typeof dockerId !== 'string') continue;
    if (/^[0-9a-f]{12,64}(-[0-9]+)?$/.test(dockerId)) found.set(name, dockerId);
  }
  return found.size > 0 ? found : undefined;
}

async function askOverHttp(url: string): Promise<AgentAnswer> {
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const response = await request(url, { signal, headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS });
    const body = await limitedText(response.body);
    if (body === undefined) return { kind: 'refused', why: `its answer is larger than ${ANSWER_MAX_BYTES} bytes` };
    if (response.statusCode !== 200)
      return { kind: 'refused', why: `it answers with HTTP status ${response.statusCode}` };
    return { kind: 'answered', body };
  } catch (error) {
    return { kind: 'silent', why: reasonOf(error) };
  }
}

async function limitedText(body: AsyncIterable<unknown> & { destroy(): unknown }): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    if (!(chunk instanceof Uint8Array)) continue;
    size += chunk.length;
    if (size > ANSWER_MAX_BYTES) {
      body.destroy();
      return undefined;
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError' || error.name === 'AbortError') return `no answer within ${TIMEOUT_MS / 1_000} s`;
  const code = 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : error.message;
}

function parse(body: string): unknown {
  try {
    const value: unknown = JSON.parse(body);
    return value;
  } catch {
    return undefined;
  }
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.entries(value).find(([key]) => key === name)?.[1];
}
