import type { Script } from './ports.ts';

/** A history that once showed a defect. It is run at every check: none of them may break an invariant again. */
export interface Regression {
  /** The defect, in a sentence. */
  readonly defect: string;
  readonly script: Script;
}

export const REGRESSIONS: readonly Regression[] = [];
