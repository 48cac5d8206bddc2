import { createAws, createAwsClients, type MutationGate } from '@outrider/delegate/aws/index.ts';
import type { Aws } from '@outrider/delegate/aws/ports.ts';
import { createIntrospection } from '@outrider/delegate/ecs-agent/introspection.ts';
import type { Host } from '@outrider/delegate/host/ports.ts';
import { StepStopped, type StopReason } from '@outrider/delegate/steps/contract.ts';
import { runStep, type StepRunOutcome } from '@outrider/delegate/steps/index.ts';
import type { ErrorCode } from '@outrider/shared/errors.ts';
import type { JsonObject } from '@outrider/shared/json.ts';
import type { LogLevel } from '@outrider/shared/logs.ts';
import { normalizeName } from '@outrider/shared/names.ts';
import type { ServiceCounts } from '@outrider/shared/protocol/messages.ts';
import type { StepType } from '@outrider/shared/steps/index.ts';
import type { DeployedService, DeploymentTarget } from '@outrider/shared/steps/target.ts';
import type { Prior, StepTask } from '@outrider/shared/steps/task.ts';
import {
  clientEnvironment,
  SAMPLE_CLUSTERS,
  SAMPLE_EXECUTION_ROLE,
  SAMPLE_REGION,
  SAMPLE_SECURITY_GROUPS,
  SAMPLE_SUBNETS,
} from '@outrider/simulator/sample-world.ts';
import { type Simulator, type SimulatorOptions, startSimulator } from '@outrider/simulator/start.ts';
import { NO_HOST } from './no-host.ts';

/** A simulated AWS whose clock moves with the steps' own waiting, so that ten minutes take milliseconds. */
export interface StepWorld {
  readonly simulator: Simulator;
  /** The delegate's ports, for looking at the world and for preparing it. */
  readonly aws: Aws;
  run(task: StepTask, options?: RunOptions): Promise<StepRun>;
  /** Lets simulated time pass. */
  advance(milliseconds: number): void;
  close(): Promise<void>;
}

export interface RunOptions {
  /** Facts of earlier runs of the same attempt. */
  readonly facts?: JsonObject;
  /** An earlier run of the attempt has logged something. */
  readonly again?: boolean;
  /** Stands between the step and AWS: counts, breaks, forbids. */
  readonly wrap?: (aws: Aws) => Aws;
  /** Asked before each wait: a reason stops the step there. Waits count from 1. */
  readonly stopAtWait?: (wait: number) => StopReason | undefined;
  readonly gate?: MutationGate;
  readonly deadlineMinutes?: number;
  readonly agentPort?: number;
  /** The delegate's machine; left out: one that reaches nobody. */
  readonly host?: Host;
  /** In simulated time. */
  readonly polling?: Polling;
}

export interface StepRun {
  readonly outcome: StepRunOutcome;
  readonly lines: readonly { readonly text: string; readonly level: LogLevel }[];
  readonly texts: readonly string[];
  /** All facts after the run, those given included. */
  readonly facts: JsonObject;
  readonly checkpoints: readonly JsonObject[];
  readonly counts: readonly ServiceCounts[];
  readonly waits: number;
}

export interface Polling {
  readonly minMs: number;
  readonly maxMs: number;
}

/** `polling` is that of every run that asks for none of its own: coarse polling makes a long story short. */
export async function startStepWorld(
  options: SimulatorOptions = {},
  polling: Polling = { minMs: 1_000, maxMs: 10_000 },
): Promise<StepWorld> {
  const simulator = await startSimulator({
    speed: 'manual',
    throttling: false,
    agentPort: 0,
    clusters: SAMPLE_CLUSTERS,
    region: SAMPLE_REGION,
    ...options,
  });
  Object.assign(process.env, clientEnvironment(simulator));
  const clients = createAwsClients({ sessionName: 'step-harness' });
  const freeGate: MutationGate = { permit: async () => undefined, holds: () => true };
  const advance = (milliseconds: number) => simulator.control.advance(milliseconds);
  const awsFor = (signal: AbortSignal, gate: MutationGate, sleep: (ms: number) => Promise<void>) =>
    createAws({ clients, region: SAMPLE_REGION, gate, signal, tools: { sleep, random: () => 0.5 } });
  return {
    simulator,
    advance,
    aws: awsFor(new AbortController().signal, freeGate, async (ms) => advance(ms)),
    async run(task, run = {}) {
      const stop = new AbortController();
      const lines: { text: string; level: LogLevel }[] = [];
      const checkpoints: JsonObject[] = [];
      const counts: ServiceCounts[] = [];
      const state = { facts: run.facts ?? {}, waits: 0 };
      const clock = { now: () => simulator.clock.now };
      const sleep = async (milliseconds: number) => {
        state.waits += 1;
        const reason = run.stopAtWait?.(state.waits);
        if (reason !== undefined) {
          stop.abort(reason);
          throw new StepStopped(reason);
        }
        advance(milliseconds);
      };
      const own = awsFor(stop.signal, run.gate ?? freeGate, sleep);
      const outcome = await runStep(task, state.facts, {
        aws: run.wrap?.(own) ?? own,
        metadata: createIntrospection({ port: run.agentPort ?? simulator.agentPort, clock }),
        host: run.host ?? NO_HOST,
        clock,
        token: (purpose) => tokenOf(task, purpose),
        checkpoint: async (facts) => {
          checkpoints.push(facts);
          state.facts = { ...state.facts, ...facts };
        },
        log: (text, level = 'INFO') => lines.push({ text, level }),
        counts: (services) => counts.push(...services),
        polling: run.polling ?? polling,
        again: run.again ?? false,
        sleep,
        deadlineMs: clock.now() + (run.deadlineMinutes ?? 30) * 60_000,
        stop: stop.signal,
      });
      const texts = lines.map((line) => line.text);
      return { outcome, lines, texts, facts: state.facts, checkpoints, counts, waits: state.waits };
    },
    async close() {
      clients.destroy();
      await simulator.close();
    },
  };
}

/** As the agent makes them: a digest of execution, step and purpose. */
function tokenOf(task: StepTask, purpose: string): string {
  let hash = 0n;
  for (const char of `${task.executionId}/${task.stepId}/${purpose}`) {
    hash = (hash * 1_099_511_628_211n + BigInt(char.codePointAt(0) ?? 0)) % (1n << 120n);
  }
  return `or-${hash.toString(16).padStart(30, '0')}`;
}

/** The page's service on its cluster. */
export const SEED_FAMILY = 'ECS__Example__Default_Replica__stage__ecs';
export const SEED_IMAGE = 'library/nginx:stable-perl';

export interface TaskOptions {
  readonly with?: JsonObject;
  readonly image?: string;
  readonly service?: Partial<DeployedService>;
  readonly target?: Partial<DeploymentTarget>;
  readonly prior?: Partial<Prior>;
  readonly execution?: number;
  readonly stepId?: string;
  readonly attempt?: number;
  readonly rollback?: boolean;
}

/** A task as the control plane would offer it. */
export function stepTask(type: StepType, options: TaskOptions = {}): StepTask {
  const image = options.image ?? SEED_IMAGE;
  return {
    type,
    executionId: executionId(options.execution ?? 1),
    stepId: options.stepId ?? 'p1.1',
    attempt: options.attempt ?? 1,
    stepName: type,
    phaseName: 'Phase 1',
    workflow: 'ECS Replica Strategy',
    rollback: options.rollback ?? false,
    with: options.with ?? {},
    target: ec2Target(options.target),
    service: replicaService(image, options.service),
    prior: { setup: null, undo: [], finalResize: false, allPhasesRolledBack: false, ...options.prior },
  };
}

export function executionId(number: number): string {
  return `exe_${String(number).padStart(26, '0')}`;
}

export function ec2Target(changes: Partial<DeploymentTarget> = {}): DeploymentTarget {
  return {
    infrastructure: 'example',
    region: SAMPLE_REGION,
    cluster: 'example',
    launchType: 'EC2',
    executionRole: SAMPLE_EXECUTION_ROLE,
    ...changes,
  };
}

export const FARGATE_TARGET: Partial<DeploymentTarget> = {
  infrastructure: 'fargate',
  cluster: 'fargate',
  launchType: 'FARGATE',
  network: { subnets: [...SAMPLE_SUBNETS], securityGroups: [...SAMPLE_SECURITY_GROUPS], assignPublicIp: false },
};

export function replicaService(image: string, changes: Partial<DeployedService> = {}): DeployedService {
  const containerName = image.replace(/[:.+*/\\ &$|"'@]/g, '_').toLowerCase();
  return {
    application: 'ECS',
    name: 'Example Default_Replica',
    environment: 'stage-ecs',
    strategy: 'REPLICA',
    image,
    containerName,
    family: ['ECS', 'Example Default_Replica', 'stage-ecs'].map(normalizeName).join('__'),
    taskDefinition: {
      containerDefinitions: [{ name: containerName, image, memory: 256, portMappings: [{ containerPort: 80 }] }],
    },
    serviceDefinition: { placementStrategy: [], healthCheckGracePeriodSeconds: 30 },
    ...changes,
  };
}

/** Members of a Fargate task definition for an image. */
export function fargateTaskDefinition(image: string, family?: string): JsonObject {
  return {
    ...(family === undefined ? {} : { family }),
    cpu: 256,
    memory: 512,
    containerDefinitions: [{ name: 'app', image, portMappings: [{ containerPort: 80 }] }],
  };
}

export function outputOf(run: StepRun): JsonObject {
  if (run.outcome.outcome === 'succeeded') return run.outcome.output;
  throw new Error(`the step did not succeed: ${JSON.stringify(run.outcome)}\n${run.texts.join('\n')}`);
}

/** A text of the step's output. */
export function outputText(run: StepRun, key: string): string {
  const value = outputOf(run)[key];
  if (typeof value === 'string') return value;
  throw new Error(`the output has no text ${key}: ${JSON.stringify(value)}`);
}

export function failureCodeOf(run: StepRun): ErrorCode | undefined {
  return run.outcome.outcome === 'failed' ? run.outcome.failure.code : undefined;
}

const MUTATIONS: Readonly<Record<'ecs' | 'autoScaling', readonly string[]>> = {
  ecs: [
    'registerTaskDefinition',
    'createService',
    'updateService',
    'deleteService',
    'runTask',
    'stopTask',
    'tagService',
    'untagService',
  ],
  autoScaling: [
    'registerScalableTarget',
    'deregisterScalableTarget',
    'putScalingPolicy',
    'deleteScalingPolicy',
    'putScheduledAction',
  ],
};

/** The delegate dies at a chosen moment: nothing after it is seen by the step, and nothing is done any more. */
export class Crash extends Error {
  override readonly name = 'Crash';
}

/** Counts the mutations that go through these ports; `around` may throw before or after each. */
export function aroundMutations(
  aws: Aws,
  around: (
    mutation: { readonly name: string; readonly number: number },
    call: () => Promise<unknown>,
  ) => Promise<unknown>,
): Aws {
  let number = 0;
  const wrap = <T extends object>(port: T, names: readonly string[]): T =>
    new Proxy(port, {
      get(target, property, receiver) {
        const member: unknown = Reflect.get(target, property, receiver);
        if (typeof member !== 'function' || typeof property !== 'string' || !names.includes(property)) return member;
        return (...args: unknown[]) => {
          number += 1;
          return around({ name: property, number }, () => Reflect.apply(member, target, args));
        };
      },
    });
  return { ...aws, ecs: wrap(aws.ecs, MUTATIONS.ecs), autoScaling: wrap(aws.autoScaling, MUTATIONS.autoScaling) };
}
