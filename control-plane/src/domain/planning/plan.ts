import type { FailureType } from '@outrider/shared/errors.ts';
import type { Scope } from '@outrider/shared/expressions/evaluate.ts';
import type { StepId } from '@outrider/shared/ids.ts';
import type { Json, JsonObject } from '@outrider/shared/json.ts';
import type { Section } from '@outrider/shared/steps/define.ts';
import type { StepType } from '@outrider/shared/steps/index.ts';
import type { DeploymentTarget } from '@outrider/shared/steps/target.ts';

/**
 * What an execution will do, fixed when it starts: later changes of the definitions do not reach a running execution.
 * Expressions that need a step's output stay unresolved in `with` until the step is queued; all others were proven to
 * resolve when the plan was made.
 */
export interface ExecutionPlan {
  readonly workflow: { readonly name: string; readonly application: string; readonly version: number };
  readonly type: 'BASIC' | 'CANARY' | 'BLUE_GREEN' | 'ROLLING';
  /** Forward phases in order. */
  readonly phases: readonly PlannedPhase[];
  /** One for each forward phase that can be rolled back, in the order of the forward phases. */
  readonly rollbackPhases: readonly PlannedPhase[];
  readonly failureStrategies: readonly PlannedFailureStrategy[];
  /** Names that expressions see everywhere: app, env, workflow, … */
  readonly scope: Scope;
  /** Remarks for the operator: rounding, defaults taken, fields without effect. */
  readonly notes: readonly string[];
}

export interface PlannedPhase {
  readonly name: string;
  /** Counts from 1; a rollback phase has the number of the phase that it undoes. */
  readonly number: number;
  readonly rollback: boolean;
  readonly service: PlannedService;
  readonly target: DeploymentTarget;
  /** Names that this phase sees besides: service, infra, serviceVariable, artifact, placeholders. */
  readonly scope: Scope;
  readonly sections: readonly PlannedSection[];
  readonly failureStrategies: readonly PlannedFailureStrategy[];
}

/** A Service resource with its unrendered AWS documents. */
export interface PlannedService {
  readonly application: string;
  readonly name: string;
  readonly environment: string;
  readonly strategy: 'REPLICA' | 'DAEMON';
  readonly image: string;
  readonly containerName: string;
  readonly family: string;
  readonly taskDefinition: JsonObject;
  readonly serviceDefinition: JsonObject;
}

export interface PlannedSection {
  readonly name: Section;
  /** Groups run in order; the steps of one group run at the same time. */
  readonly groups: readonly (readonly PlannedStep[])[];
}

export interface PlannedStep {
  readonly id: StepId;
  readonly name: string;
  readonly type: StepType;
  /** As written, defaults filled in, expressions unrendered. */
  readonly with: JsonObject;
  /** Condition that must hold for the step to run; absent: it runs. */
  readonly when?: string | boolean;
  /** Whole step, from its first offer. */
  readonly timeoutSeconds: number;
  readonly delegateSelectors: readonly string[];
  readonly failureStrategies: readonly PlannedFailureStrategy[];
  /** For a rollback step: the forward steps that it undoes. */
  readonly undoes: readonly StepId[];
  /** No later forward step resizes this service. */
  readonly finalResize: boolean;
}

export interface PlannedFailureStrategy {
  readonly failureTypes: readonly (FailureType | 'any')[];
  readonly action:
    | 'rollback-workflow'
    | 'rollback-phase'
    | 'retry'
    | 'ignore'
    | 'end'
    | 'abort'
    | 'manual-intervention';
  readonly retries: number;
  readonly retryIntervalsSeconds: readonly number[];
  readonly afterRetries: 'rollback-workflow' | 'rollback-phase' | 'ignore' | 'end' | 'abort' | 'manual-intervention';
  /** How a person is waited for; absent: as usual (shared/src/model/step.ts). */
  readonly intervention?: {
    readonly timeoutSeconds: number;
    readonly afterTimeout: 'rollback-workflow' | 'ignore' | 'end';
  };
}

/** What a caller gives to start an execution. */
export interface StartInput {
  /** IMAGE by service name: `repo[:tag][@digest]`, `:tag` or `@digest`. */
  readonly artifacts: Readonly<Record<string, string>>;
  readonly variables: Readonly<Record<string, Json>>;
}
