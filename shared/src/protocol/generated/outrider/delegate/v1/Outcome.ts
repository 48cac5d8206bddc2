// Original file: proto/outrider/delegate/v1/delegate.proto

export const Outcome = {
  OUTCOME_UNSPECIFIED: 'OUTCOME_UNSPECIFIED',
  OUTCOME_SUCCEEDED: 'OUTCOME_SUCCEEDED',
  OUTCOME_FAILED: 'OUTCOME_FAILED',
  OUTCOME_STOPPED: 'OUTCOME_STOPPED',
} as const;

export type Outcome =
  | 'OUTCOME_UNSPECIFIED'
  | 0
  | 'OUTCOME_SUCCEEDED'
  | 1
  | 'OUTCOME_FAILED'
  | 2
  | 'OUTCOME_STOPPED'
  | 3

export type Outcome__Output = typeof Outcome[keyof typeof Outcome]
