import type { ErrorCode, Problem } from '@outrider/shared/errors.ts';

/** Why there is no plan. `pointer` points into the workflow; what concerns the request or another resource has none. */
export interface PlanProblem extends Problem {
  readonly code: Extract<
    ErrorCode,
    'request-invalid' | 'document-invalid' | 'reference-missing' | 'expression-unresolved' | 'step-input-invalid'
  >;
}

/** Problems that one answer lists at most. */
export const PROBLEMS_LIMIT = 100;
