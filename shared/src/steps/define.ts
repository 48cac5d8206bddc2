import type { z } from 'zod';
import type { DeployedService, DeploymentTarget } from './target.ts';

/** The four sections of a phase, in the order in which they run. */
export const SECTIONS = ['Setup Container', 'Deploy Containers', 'Verify Service', 'Wrap Up'] as const;
export type Section = (typeof SECTIONS)[number];

/**
 * What everybody knows about a step type: the planner, the validator, the delegate, the documentation.
 * `runsOn` is a type parameter so that the delegate's table of handlers must hold exactly the delegate's steps.
 */
export interface StepSpec<
  Type extends string,
  RunsOn extends 'delegate' | 'control-plane',
  With extends z.ZodType,
  Output extends z.ZodType,
  Facts extends z.ZodType,
> {
  readonly type: Type;
  /** What the step's log calls itself: `Begin execution of command: Setup ECS Service`. Empty: no such lines. */
  readonly command: string;
  /** One sentence for documentation and schema. */
  readonly summary: string;
  readonly runsOn: RunsOn;
  /** The default name in a generated phase, and what expressions call its output by. */
  readonly defaultName: string;
  /** Sections the step may stand in. */
  readonly sections: readonly Section[];
  /** The step of a rollback phase that undoes this one; empty when nothing needs undoing. */
  readonly undoneBy: string;
  /** `with` as it stands in a workflow: fields may hold expressions. */
  readonly author: z.ZodType;
  /** `with` after the expressions were resolved; what the handler gets. */
  readonly rendered: With;
  readonly output: Output;
  /** Checkpointed before the first change, so that another delegate can resume or undo. */
  readonly facts: Facts;
  /** Whether doing it twice is as good as once: such a step moves to another delegate when its lease ends. */
  readonly repeatable: boolean;
  /** False: the phase's service stays as it is, so that the step may run beside others. Left out: it is changed. */
  readonly changesService?: false;
  /** False: nothing is asked of AWS. Left out: something is. */
  readonly callsAws?: false;
  /** Limit when the workflow gives none; seconds. Steps with a steady-state timeout derive theirs from it. */
  readonly defaultTimeoutSeconds: number;
}

export function defineStep<
  const Type extends string,
  const RunsOn extends 'delegate' | 'control-plane',
  With extends z.ZodType,
  Output extends z.ZodType,
  Facts extends z.ZodType,
>(spec: StepSpec<Type, RunsOn, With, Output, Facts>): StepSpec<Type, RunsOn, With, Output, Facts> {
  return spec;
}

/** What a handler gets besides its own fields. `Prior` is what the execution already knows. */
export interface StepInput<With, Prior> {
  readonly with: With;
  readonly target: DeploymentTarget;
  readonly service: DeployedService;
  readonly prior: Prior;
}
