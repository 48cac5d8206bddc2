import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DelegateConfig, type DelegateHandle, startDelegate } from '@outrider/delegate/delegate.ts';
import { parseJoinToken } from '@outrider/shared/protocol/join-token.ts';
import type { TaskRef } from '@outrider/shared/protocol/messages.ts';
import { STEP_TYPES } from '@outrider/shared/steps/index.ts';
import { eventually } from '../support/processes.ts';
import { BAD_PLACES, DOCUMENTS } from './documents.ts';
import type { Vitals } from './victim-process.ts';

const PROCESS = fileURLToPath(new URL('./victim-process.ts', import.meta.url));
const KEY = 'fuzz-bootstrap-key-0123456789abcdef';
const GOOD = 'good';

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
}

/** Work of somebody else. */
export interface Neighbour {
  readonly ref: TaskRef;
  /** Lets it end, and sees that nobody else has had a word in it. */
  finish(): Promise<void>;
}

/** A control plane to be ill-treated, and a good delegate beside whoever does it. */
export class Victim {
  readonly grpcPort: number;
  readonly httpUrl: string;
  readonly tls: boolean;
  /** Whoever is trusted to have signed its certificate. */
  readonly caPem: string | undefined;
  readonly directory: string;
  readonly #child: ChildProcess;
  readonly #printed: string[];
  readonly #held: (() => void)[] = [];
  #questions = 0;
  #badPlaces = 0;
  #good: DelegateHandle | undefined;

  private constructor(
    child: ChildProcess,
    printed: string[],
    directory: string,
    up: { readonly httpUrl: string; readonly grpcAddress: string },
  ) {
    this.#child = child;
    this.#printed = printed;
    this.directory = directory;
    this.httpUrl = up.httpUrl;
    this.tls = up.httpUrl.startsWith('https:');
    this.grpcPort = Number(up.grpcAddress.split(':').at(-1));
    this.caPem = this.tls ? readFileSync(path.join(directory, 'ca.pem'), 'utf8') : undefined;
  }

  /** With TLS: join tokens and keys, as in a real installation. */
  static async start({ tls }: { readonly tls: boolean }): Promise<Victim> {
    const directory = mkdtempSync(path.join(tmpdir(), 'outrider-fuzz-'));
    const child = fork(PROCESS, {
      execArgv: ['--max-old-space-size=512'],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: {
        PATH: process.env['PATH'] ?? '',
        OUTRIDER_HTTP_ADDR: '127.0.0.1:0',
        OUTRIDER_GRPC_ADDR: '127.0.0.1:0',
        OUTRIDER_STORE: `sqlite:${path.join(directory, 'outrider.db')}`,
        OUTRIDER_DATA_DIR: directory,
        ...(tls ? { OUTRIDER_BOOTSTRAP_KEY: KEY } : { OUTRIDER_INSECURE: '1' }),
      },
    });
    const printed: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => printed.push(text));
    }
    const up = await new Promise<{ httpUrl: string; grpcAddress: string }>((resolve, reject) => {
      child.once('message', (told: { httpUrl: string; grpcAddress: string }) => resolve(told));
      child.once('exit', () => reject(new Error(`the control plane does not start: ${printed.join('')}`)));
    });
    const victim = new Victim(child, printed, directory, up);
    await victim.#prepare();
    return victim;
  }

  /** A step of the good delegate that goes on until it is let go: for whoever wants to lay hands on it. */
  async neighbour(): Promise<Neighbour> {
    const executionId = await this.begin('held');
    const release = await eventually('the step has begun', () => this.#held.shift());
    return {
      // The first offer of the first attempt.
      ref: { taskId: `${executionId}/p1.1/1`, epoch: 1 },
      finish: async () => {
        release();
        await this.untilEnded(executionId);
        const { json } = await this.call('GET', `/v1/executions/${executionId}/steps/p1.1/logs`);
        const { lines } = json;
        assert.ok(Array.isArray(lines));
        const texts = lines.map((line: unknown): unknown => Object(line).text);
        assert.deepEqual(texts, [
          'Begin execution of command: Deploy',
          'Command execution finished with status SUCCESS',
        ]);
      },
    };
  }

  async #prepare(): Promise<void> {
    const applied = await this.call('POST', '/v1/apply', { files: [{ name: 'fuzz.yaml', text: DOCUMENTS }] });
    assert.equal(applied.status, 200, applied.text);
    this.#good = await startDelegate(await this.config(GOOD, [GOOD]), {
      stepTypes: STEP_TYPES,
      work: {
        runStep: async (task, _facts, ctx) => {
          ctx.log(`Begin execution of command: ${task.stepName}`);
          await ctx.checkpoint({ began: true });
          if (task.target.infrastructure === 'held') await hold(this.#held);
          ctx.log('Command execution finished with status SUCCESS');
          return { outcome: 'succeeded', output: {} };
        },
      },
    });
    await eventually('the good delegate is connected', () => (this.#good?.connected === true ? true : undefined));
    await this.deploy();
  }

  /** What a delegate of this name starts with; with TLS, a join token of its own. */
  async config(name: string, tags: readonly string[] = []): Promise<DelegateConfig> {
    const token = this.tls ? await this.joinToken(name) : undefined;
    const parts = token === undefined ? undefined : parseJoinToken(token);
    return {
      controlPlane: { host: '127.0.0.1', port: this.grpcPort },
      insecure: !this.tls,
      joinToken: parts === undefined || token === undefined ? null : { ...parts, text: token },
      name,
      tags,
      dataDir: path.join(this.directory, 'delegates'),
      slots: 10,
      pollMinMs: 10,
      pollMaxMs: 20,
      region: 'us-east-1',
      logLevel: 'silent',
    };
  }

  async joinToken(delegateName: string): Promise<string> {
    const body = { delegateName, uses: 1, expiresInSeconds: 600 };
    return String((await this.call('POST', '/v1/join-tokens', body)).json['token']);
  }

  /** One step by the good delegate; answers how long its execution took. */
  async deploy(): Promise<number> {
    const began = performance.now();
    await this.untilEnded(await this.begin());
    return Math.round(performance.now() - began);
  }

  /** Starts an execution of one step and answers its id. */
  async begin(whose: 'good' | 'held' | 'bad' = 'good'): Promise<string> {
    const workflow = whose !== 'bad' ? whose : `bad-${this.#badPlaces++ % BAD_PLACES}`;
    const body = { workflow, application: 'Fuzz', artifacts: { web: ':1.28' } };
    const started = await this.call('POST', '/v1/executions', body);
    assert.equal(started.status, 201, started.text);
    return String(started.json['id']);
  }

  async untilEnded(id: string): Promise<void> {
    await eventually(`${id} ends`, async () => {
      const { json } = await this.call('GET', `/v1/executions/${id}`);
      if (json['endedAt'] === null) return undefined;
      assert.equal(json['status'], 'succeeded');
      return true;
    });
  }

  /** Live sessions of delegates. */
  async sessions(): Promise<number> {
    const { json } = await this.call('GET', '/v1/delegates');
    const items: unknown = json['items'];
    assert.ok(Array.isArray(items));
    return items.reduce((sum: number, item: unknown) => sum + Number(Object(item).instances ?? 0), 0);
  }

  async vitals(): Promise<Vitals> {
    return await this.#ask('vitals');
  }

  /** Begins to count anew. */
  async mark(): Promise<Vitals> {
    return await this.#ask('mark');
  }

  /** Where delegates dial. */
  get address(): { readonly port: number; readonly caPem: string | undefined } {
    return { port: this.grpcPort, caPem: this.caPem };
  }

  /** What it wrote to its terminal, where nothing should stand: warnings of Node, traces of a crash. */
  get printed(): string {
    return this.#printed.join('');
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async call(method: string, target: string, body?: unknown): Promise<Answer> {
    const content = body === undefined ? undefined : JSON.stringify(body);
    const options = {
      method,
      agent: false,
      headers: {
        ...(content === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(content) }),
        ...(this.tls ? { authorization: `Bearer ${KEY}` } : {}),
      },
    };
    const url = `${this.httpUrl}${target}`;
    return await new Promise((resolve, reject) => {
      const take = (response: http.IncomingMessage) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(parts).toString('utf8');
          const isJson = /json/.test(response.headers['content-type'] ?? '');
          resolve({ status: response.statusCode ?? 0, text, json: isJson ? JSON.parse(text) : {} });
        });
      };
      const request = this.tls
        ? https.request(url, { ...options, ca: this.caPem }, take)
        : http.request(url, options, take);
      request.setTimeout(20_000, () => request.destroy(new Error(`${method} ${target}: no answer within 20 s`)));
      request.on('error', reject);
      request.end(content);
    });
  }

  async close(): Promise<void> {
    for (const release of this.#held) release();
    await this.#good?.kill();
    if (this.alive) {
      this.#child.kill('SIGKILL');
      await once(this.#child, 'exit');
    }
    rmSync(this.directory, { recursive: true, force: true });
  }

  async #ask(ask: 'vitals' | 'mark'): Promise<Vitals> {
    this.#questions += 1;
    const id = this.#questions;
    return await new Promise((resolve, reject) => {
      const gone = () => reject(new Error(`the control plane has died: ${this.printed}`));
      const listen = (told: { readonly id: number; readonly vitals: Vitals }) => {
        if (told.id !== id) return;
        this.#child.off('message', listen);
        this.#child.off('exit', gone);
        resolve(told.vitals);
      };
      if (!this.alive) return gone();
      this.#child.on('message', listen);
      this.#child.once('exit', gone);
      this.#child.send({ ask, id });
    });
  }
}

async function hold(held: (() => void)[]): Promise<void> {
  await new Promise<void>((resolve) => {
    held.push(resolve);
  });
}
