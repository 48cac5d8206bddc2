import type { ExecutionSummary, HistoryVerdict, TaskRow } from '@outrider/control-plane/app/ports.ts';
import type { RecordedEvent } from '@outrider/control-plane/domain/execution/events.ts';
import type {
  HistoryEvidence,
  HolderSpan,
  MutationEntry,
  OperatorAnswer,
  OperatorRequest,
  ProducedLine,
  Script,
  TraceEvent,
  WatchedEvent,
} from '../ports.ts';

/** All that is known about a history after it. The same script gives the same record. */
export interface HistoryRecord extends HistoryEvidence {
  readonly script: Script;
  readonly trace: readonly TraceEvent[];
  /** SHA-256 (hex) over the whole trace: equal for equal histories. */
  readonly traceDigest: string;
  /** When the history was over: nothing was left to do, or its limit was reached. */
  readonly endedAtMs: number;
  /** In the order in which they took effect. */
  readonly mutations: readonly MutationEntry[];
  readonly produced: readonly ProducedLine[];
  readonly storedLogs: readonly StoredLog[];
  readonly holders: readonly HolderSpan[];
  readonly answers: readonly OperatorAnswer[];
  readonly watched: readonly WatchedEvent[];
  readonly store: StoreDump;
  /** Events and rows that a restore of an older store took back: acknowledged, and gone with the installation's consent. */
  readonly rolledBack: readonly RolledBack[];
  readonly world: FinalWorld;
  /** Before the first request. */
  readonly worldBefore: FinalWorld;
  /** What was thrown and caught by nobody, and what ended a process that no fault had ended. */
  readonly failures: readonly PlantFailure[];
  /** Where the value of a secret variable was found although it must not be there. */
  readonly leaks: readonly SecretLeak[];
  /** Executions that had not ended when the history was over. */
  readonly unended: readonly string[];
}

export interface StoredLog {
  readonly taskId: string;
  /** The whole stored log as text: lines of JSON. */
  readonly text: string;
  readonly bytes: number;
}

/** What the store holds at the end. */
export interface StoreDump {
  readonly executions: readonly StoredExecution[];
  readonly tasks: readonly TaskRow[];
  /** Rows of the outbox that nobody has performed. */
  readonly pendingEffects: number;
}

export interface StoredExecution {
  readonly id: string;
  /** Key of the request that started it; null: no answer told of it. */
  readonly requestKey: string | null;
  readonly events: readonly RecordedEvent[];
  readonly summary: ExecutionSummary;
  readonly verdict: HistoryVerdict;
}

export interface RolledBack {
  readonly atMs: number;
  /** State of the store that came back. */
  readonly toMs: number;
  /** Events that are gone: by execution, the seqs after which they stood and up to which. */
  readonly executions: readonly { readonly executionId: string; readonly fromSeq: number; readonly toSeq: number }[];
  /** Epochs that had been given out before and are not in the store that came back. */
  readonly epochs: readonly { readonly taskId: string; readonly before: number; readonly after: number }[];
}

/** Simulated AWS at the end. */
export interface FinalWorld {
  readonly services: readonly FinalService[];
  readonly taskDefinitions: readonly {
    readonly arn: string;
    readonly family: string;
    readonly status: string;
    readonly tags: Readonly<Record<string, string>>;
  }[];
  /** By listener or rule: weight of each target group. */
  readonly weights: readonly {
    readonly listener: string;
    readonly targetGroup: string;
    readonly weight: number;
  }[];
  readonly scaling: readonly {
    readonly resourceId: string;
    readonly minimum: number;
    readonly maximum: number;
    readonly suspended: boolean;
    readonly policies: readonly string[];
  }[];
}

export interface FinalService {
  readonly cluster: string;
  readonly name: string;
  readonly status: string;
  readonly taskDefinition: string;
  readonly desired: number;
  readonly running: number;
  readonly targetGroups: readonly string[];
  readonly tags: Readonly<Record<string, string>>;
}

export interface PlantFailure {
  readonly atMs: number;
  readonly host: string;
  readonly what: string;
}

export interface SecretLeak {
  readonly atMs: number;
  /** Such as `store:commit`, `log`, `message:progress`, `logger`. */
  readonly where: string;
  readonly detail: string;
}

/** What a refused request of an operator was told; recorded in the trace as `operator:refused`. */
export interface RefusedRequest {
  readonly request: OperatorRequest;
  readonly atMs: number;
  readonly code: string;
}
