// Original file: proto/outrider/delegate/v1/delegate.proto

export const CancelReason = {
  CANCEL_REASON_UNSPECIFIED: 'CANCEL_REASON_UNSPECIFIED',
  CANCEL_REASON_ABORTED: 'CANCEL_REASON_ABORTED',
  CANCEL_REASON_TIMED_OUT: 'CANCEL_REASON_TIMED_OUT',
  CANCEL_REASON_ROLLING_BACK: 'CANCEL_REASON_ROLLING_BACK',
} as const;

export type CancelReason =
  | 'CANCEL_REASON_UNSPECIFIED'
  | 0
  | 'CANCEL_REASON_ABORTED'
  | 1
  | 'CANCEL_REASON_TIMED_OUT'
  | 2
  | 'CANCEL_REASON_ROLLING_BACK'
  | 3

export type CancelReason__Output = typeof CancelReason[keyof typeof CancelReason]
