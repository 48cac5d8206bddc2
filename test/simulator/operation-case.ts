import type { SimulatedAws } from './simulated-aws.ts';

/** One operation: a request that it must answer, and one that it must refuse by AWS's name of the error. */
export interface OperationCase {
  readonly right: (aws: SimulatedAws) => Promise<unknown>;
  readonly wrong: (aws: SimulatedAws) => Promise<unknown>;
  /** The error's name as the SDK reports it. */
  readonly error: string;
  readonly message?: RegExp;
}

export type OperationCases = Readonly<Record<string, OperationCase>>;
