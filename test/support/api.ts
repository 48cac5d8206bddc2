import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { SILENT } from '../../control-plane/src/app/logger.ts';
import { controlPlaneConfig } from '../../control-plane/src/config.ts';
import { type ControlPlane, type ControlPlaneOptions, startControlPlane } from '../../control-plane/src/main.ts';
import { eventually } from './processes.ts';
import { connectDelegate, type Script, type ScriptedDelegate } from './scripted-delegate.ts';

/** A control plane in this process, over real sockets, that forgets everything at its end. */
export interface TestApi {
  readonly url: string;
  readonly controlPlane: ControlPlane;
  /** Answers with the body parsed; `key` undefined: none is sent. */
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  delegate(script: Script, name?: string, tags?: readonly string[]): Promise<ScriptedDelegate>;
  /** Stores examples/replica-canary. */
  applyReplica(): Promise<void>;
  /** Starts the canary and answers its id. */
  run(options?: { readonly image?: string; readonly headers?: Record<string, string> }): Promise<string>;
  untilEnded(id: string): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

export interface CallOptions {
  readonly body?: unknown;
  /** Sent as it is. */
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body, when it is JSON. */
  readonly json: Record<string, unknown>;
}

export const REPLICA_FOLDER = fileURLToPath(new URL('../../examples/replica-canary/', import.meta.url));
const SERVICE = 'Example Default_Replica';

export async function startTestApi(
  environment: Readonly<Record<string, string>> = {},
  given: Omit<ControlPlaneOptions, 'logger'> = {},
): Promise<TestApi> {
  const controlPlane = await startControlPlane(
    controlPlaneConfig({
      OUTRIDER_INSECURE: '1',
      OUTRIDER_STORE: 'memory:',
      OUTRIDER_HTTP_ADDR: '127.0.0.1:0',
      OUTRIDER_GRPC_ADDR: '127.0.0.1:0',
      ...environment,
    }),
    { logger: SILENT, ...given },
  );
  const delegates: ScriptedDelegate[] = [];
  const url = controlPlane.httpUrl;
  const call = (method: string, path: string, options: CallOptions = {}) => callApi(url, method, path, options);
  return {
    url,
    controlPlane,
    call,
    async delegate(script, name = 'vpc-stage', tags = []) {
      const delegate = await connectDelegate(controlPlane.grpcAddress, { name, tags, script });
      delegates.push(delegate);
      return delegate;
    },
    async applyReplica() {
      const files = ['environment', 'infrastructure', 'service', 'workflow'].map((name) => ({
        name: `${name}.yaml`,
        text: readFileSync(`${REPLICA_FOLDER}${name}.yaml`, 'utf8'),
      }));
      const applied = await call('POST', '/v1/apply', { body: { files } });
      assert.equal(applied.status, 200, applied.text);
    },
    async run({ image = ':1.28', headers = {} } = {}) {
      const body = { workflow: 'ECS Replica Strategy', application: 'ECS', artifacts: { [SERVICE]: image } };
      const started = await call('POST', '/v1/executions', { body, headers });
      assert.equal(started.status, 201, started.text);
      return String(started.json['id']);
    },
    async untilEnded(id) {
      return await eventually(`${id} ends`, async () => {
        const { json } = await call('GET', `/v1/executions/${id}`);
        return json['endedAt'] === null ? undefined : json;
      });
    },
    async close() {
      await Promise.all(delegates.map((delegate) => delegate.close()));
      await controlPlane.close();
    },
  };
}

async function callApi(url: string, method: string, path: string, options: CallOptions): Promise<Answer> {
  const { body, text, headers = {} } = options;
  const content = text ?? (body === undefined ? undefined : JSON.stringify(body));
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(content === undefined ? {} : { body: content }),
  });
  const answer = await response.text();
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  const json: Record<string, unknown> = isJson && answer !== '' ? JSON.parse(answer) : {};
  return { status: response.status, headers: response.headers, text: answer, json };
}
