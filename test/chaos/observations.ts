import type { Misdeed } from './nemesis.ts';
import type { ProducedRecord } from './produced.ts';
import type { CommandWatched, LogFollowed, Watched } from './watcher.ts';
import type { Deployment } from './workload.ts';
import type { CreatedView, LaneWorld, MutationView, RevisionView } from './world-view.ts';

/** All that was seen of a run. The audit judges this and nothing else. */
export interface Observations {
  readonly deployments: readonly Deployment[];
  /** Requests that never came to an end, as their operators saw it. */
  readonly open: readonly string[];
  readonly troubles: readonly string[];
  readonly watched: readonly Watched[];
  readonly watchedByCommand: readonly CommandWatched[];
  readonly followed: readonly LogFollowed[];
  /** What the API says of every execution there is. */
  readonly executions: readonly ExecutionRecord[];
  readonly store: StoreRecord;
  readonly produced: readonly ProducedRun[];
  readonly world: {
    /** By lane, when nothing moved any more. */
    readonly settled: Readonly<Record<string, LaneWorld>>;
    readonly revisions: readonly RevisionView[];
    readonly mutations: readonly MutationView[];
    readonly created: readonly CreatedView[];
  };
  readonly processes: readonly ProcessRecord[];
  readonly secrets: readonly SecretRecord[];
  readonly misdeeds: readonly Misdeed[];
}

export interface ExecutionRecord {
  readonly id: string;
  readonly status: string;
  readonly rollback: string;
  readonly reason: string;
  readonly failureCode: string;
  readonly failureMessage: string;
  readonly steps: readonly StepRecord[];
  readonly events: readonly EventRecord[];
}

export interface StepRecord {
  readonly id: string;
  readonly type: string;
  readonly status: string;
  readonly attempt: number;
  /** `CODE: MESSAGE`, or empty. */
  readonly failure: string;
  readonly lines: readonly LineRecord[];
}

export interface LineRecord {
  readonly attempt: number;
  readonly seq: number;
  readonly level: string;
  readonly text: string;
}

export interface EventRecord {
  readonly seq: number;
  readonly type: string;
  /** Empty where the event is not about a step. */
  readonly stepId: string;
  readonly attempt: number;
  /** The event as the API told it. */
  readonly text: string;
}

/** What lies in the store's file. */
export interface StoreRecord {
  readonly heads: readonly { readonly id: string; readonly seq: number; readonly hash: string }[];
  readonly events: readonly {
    readonly executionId: string;
    readonly seq: number;
    readonly atMs: number;
    readonly event: string;
    readonly previousHash: string;
    readonly hash: string;
  }[];
  readonly tasks: readonly {
    readonly taskId: string;
    readonly state: string;
    readonly epoch: number;
    readonly logBytes: number;
    readonly chunks: readonly { readonly offset: number; readonly length: number }[];
    readonly log: string;
  }[];
  readonly effectsLeft: number;
}

/** One run of a step in one process: what it said, and how it ended, if it did. */
export interface ProducedRun {
  readonly taskId: string;
  readonly atMs: number;
  readonly lines: readonly string[];
  readonly outcome: Extract<ProducedRecord, { kind: 'ended' }>['outcome'] | undefined;
}

export interface ProcessRecord {
  readonly name: string;
  readonly lives: number;
  readonly peakMiB: number;
  readonly memoryLimitMiB: number;
  /** How it ended without being asked. */
  readonly unasked: readonly string[];
  /** Lines of its log that nobody should ever see. */
  readonly alarming: readonly string[];
}

/** A secret that was found somewhere. */
export interface SecretRecord {
  readonly what: string;
  readonly where: string;
}
