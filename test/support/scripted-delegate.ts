import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Client, type ClientDuplexStream, credentials, Metadata } from '@grpc/grpc-js';
import type { Failure } from '@outrider/shared/errors.ts';
import { encodeLogLine, type LogLevel } from '@outrider/shared/logs.ts';
import {
  type Decoded,
  type Encoded,
  encodeDelegateMessage,
  encodeLogMessage,
} from '@outrider/shared/protocol/codec.ts';
import type {
  DelegateMessage,
  LogReply,
  ServerMessage,
  ServiceCounts,
  TaskOutcome,
  TaskRef,
} from '@outrider/shared/protocol/messages.ts';
import { DELEGATE_SERVICE, SESSION_METADATA } from '@outrider/shared/protocol/service.ts';
import { STEP_TYPES } from '@outrider/shared/steps/index.ts';
import { type StepTask, stepTask } from '@outrider/shared/steps/task.ts';

/** What a scripted delegate does with a step instead of calling AWS. */
export type Script = (task: StepTask, act: StepActs) => Promise<TaskOutcome>;

export interface StepActs {
  /** Resolves when the line is durable at the control plane. */
  log(text: string, level?: LogLevel): Promise<void>;
  counts(services: readonly ServiceCounts[]): void;
  /** Aborted when the control plane cancels the step. */
  readonly cancelled: AbortSignal;
}

export interface ScriptedDelegate {
  close(): Promise<void>;
}

/**
 * A delegate that speaks the real protocol over a real socket and does what the test says: for tests of what operators
 * see, which are about the control plane and not about AWS. Plaintext, as on loopback.
 */
export async function connectDelegate(
  address: string,
  options: { readonly name: string; readonly tags?: readonly string[]; readonly script: Script },
): Promise<ScriptedDelegate> {
  const client = new Client(address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
  const control = client.makeBidiStreamRequest(
    DELEGATE_SERVICE.control.path,
    DELEGATE_SERVICE.control.requestSerialize,
    DELEGATE_SERVICE.control.responseDeserialize,
  );
  control.on('error', () => {});
  send(control, {
    kind: 'hello',
    delegateName: options.name,
    instanceId: randomUUID(),
    protocolMin: 1,
    protocolMax: 1,
    version: '0.1.0',
    tags: options.tags ?? [],
    stepTypes: STEP_TYPES,
    slots: 4,
    inventory: [],
    region: 'us-east-1',
  });
  const welcome = await firstMessage(control);
  if (welcome.kind !== 'welcome') throw new Error(`the control plane answers ${welcome.kind}`);
  const logs = openLogs(client, welcome.sessionId);
  const worker = new Worker(control, logs, options.script);
  control.on('data', (decoded: Decoded<ServerMessage>) => {
    if (decoded.kind === 'ok') worker.take(decoded.message);
  });
  const heartbeat = setInterval(() => worker.heartbeat(), 2_000);
  return {
    async close() {
      clearInterval(heartbeat);
      control.end();
      logs.end();
      client.close();
    },
  };
}

type ControlStream = ClientDuplexStream<Buffer, Decoded<ServerMessage>>;
type LogsStream = ClientDuplexStream<Buffer, Decoded<LogReply>>;

function openLogs(client: Client, sessionId: string): LogsStream {
  const metadata = new Metadata();
  metadata.set(SESSION_METADATA, sessionId);
  const logs = client.makeBidiStreamRequest(
    DELEGATE_SERVICE.logs.path,
    DELEGATE_SERVICE.logs.requestSerialize,
    DELEGATE_SERVICE.logs.responseDeserialize,
    metadata,
  );
  logs.on('error', () => {});
  return logs;
}

async function firstMessage(control: ControlStream): Promise<ServerMessage> {
  const [decoded]: [Decoded<ServerMessage>] = (await once(control, 'data')) as [Decoded<ServerMessage>];
  if (decoded.kind === 'ok') return decoded.message;
  throw new Error('the first message cannot be read');
}

function send(control: ControlStream, message: DelegateMessage): void {
  control.write(bytesOf(encodeDelegateMessage(message)));
}

function bytesOf(encoded: Encoded): Buffer {
  if (encoded.kind === 'ok') return encoded.bytes;
  throw new Error(encoded.why);
}

interface Work {
  readonly ref: TaskRef;
  readonly task: StepTask;
  readonly cancel: AbortController;
  offset: number;
  written: string;
}

class Worker {
  readonly #control: ControlStream;
  readonly #logs: LogsStream;
  readonly #script: Script;
  readonly #work = new Map<string, Work>();
  readonly #acknowledged = new Map<string, { offset: number; wake: () => void }>();
  #heartbeats = 0;

  constructor(control: ControlStream, logs: LogsStream, script: Script) {
    this.#control = control;
    this.#logs = logs;
    this.#script = script;
    logs.on('data', (decoded: Decoded<LogReply>) => {
      if (decoded.kind !== 'ok' || decoded.message.kind !== 'ack') return;
      const { taskId, durableOffset } = decoded.message;
      const waiting = this.#acknowledged.get(taskId);
      this.#acknowledged.set(taskId, { offset: durableOffset, wake: () => {} });
      waiting?.wake();
    });
  }

  take(message: ServerMessage): void {
    if (message.kind === 'offer') {
      const { taskId, epoch } = message;
      const task = stepTask.parse(message.task);
      const work = {
        ref: { taskId, epoch },
        task,
        cancel: new AbortController(),
        offset: message.logOffset,
        written: '',
      };
      this.#work.set(taskId, work);
      send(this.#control, { kind: 'accept', taskId, epoch });
    } else if (message.kind === 'lease') {
      const work = this.#work.get(message.taskId);
      if (work !== undefined) void this.#run(work);
    } else if (message.kind === 'cancel') {
      this.#work.get(message.taskId)?.cancel.abort();
    }
  }

  heartbeat(): void {
    const running = [...this.#work.values()].map((work) => work.ref);
    this.#heartbeats += 1;
    send(this.#control, { kind: 'heartbeat', sequence: this.#heartbeats, running, slotsFree: 4 - running.length });
  }

  async #run(work: Work): Promise<void> {
    const from = work.offset;
    const result = await this.#script(work.task, {
      log: (text, level = 'INFO') => this.#log(work, text, level),
      counts: (services) => send(this.#control, { kind: 'progress', ...work.ref, services }),
      cancelled: work.cancel.signal,
    });
    this.#work.delete(work.ref.taskId);
    const logSha256 = createHash('sha256').update(work.written).digest('hex');
    send(this.#control, { kind: 'result', ...work.ref, result, logBytes: work.offset, logFrom: from, logSha256 });
  }

  async #log(work: Work, text: string, level: LogLevel): Promise<void> {
    const line = encodeLogLine({ at: new Date().toISOString(), level, text });
    const data = Buffer.from(line);
    const { taskId } = work.ref;
    this.#logs.write(bytesOf(encodeLogMessage({ kind: 'batch', ...work.ref, offset: work.offset, data })));
    work.offset += data.length;
    work.written += line;
    while ((this.#acknowledged.get(taskId)?.offset ?? 0) < work.offset) {
      await new Promise<void>((resolve) => {
        this.#acknowledged.set(taskId, { offset: this.#acknowledged.get(taskId)?.offset ?? 0, wake: resolve });
      });
    }
  }
}

/** Succeeds at once, with an output that fits the step's type. */
export const succeedAll: Script = async (task, act) => {
  await act.log(`Begin execution of command: ${task.stepName}`);
  await act.log('Command execution finished with status SUCCESS');
  return { outcome: 'succeeded', output: outputOf(task) };
};

/** Outputs that later steps and screens can work with: one service, version 2 after version 1. */
export function outputOf(task: StepTask): Extract<TaskOutcome, { outcome: 'succeeded' }>['output'] {
  const family = task.service.family;
  const service = `${family}__2`;
  const previous = [{ name: `${family}__1`, desired: 2 }];
  switch (task.type) {
    case 'ecs-service-setup':
      return {
        serviceName: service,
        clusterName: task.target.cluster,
        taskDefinitionArn: `arn:aws:ecs:us-east-1:123456789012:task-definition/${family}:2`,
        family,
        containerName: task.service.containerName,
        image: task.service.image,
        total: 2,
        resizeStrategy: 'resize-new-first',
        steadyStateTimeoutMinutes: 10,
        previous,
        autoScaler: null,
        autoScalingSnapshots: [],
      };
    case 'ecs-upgrade-containers': {
      const desired = task.with['desiredInstances'] === '50%' ? 1 : 2;
      return {
        newService: { name: service, desired },
        oldServices: [{ name: `${family}__1`, desired: 2 - desired }],
        containers: [{ dockerId: '6452d4b0ef39', ip: '10.0.0.53', taskArn: 'arn:aws:ecs:task/1', new: true }],
      };
    }
    case 'ecs-rollback-containers':
      return {
        newService: { name: service, desired: 0 },
        oldServices: previous,
        containers: [],
        allPhasesDone: false,
        skipped: '',
      };
    default:
      return {};
  }
}

export function imageMissing(image: string): Failure {
  return {
    code: 'image-pull-failed',
    message: '3 of 3 new tasks stopped for the same reason: the image cannot be pulled',
    hint: 'Check the image, its tag and the rights to pull it.',
    evidence: [`CannotPullContainerError: manifest for ${image} not found (tasks 9f31c2, 77ab01, 0c9e4d)`],
    failureType: 'application',
  };
}
