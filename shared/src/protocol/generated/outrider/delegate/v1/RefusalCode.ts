// Original file: proto/outrider/delegate/v1/delegate.proto

export const RefusalCode = {
  REFUSAL_CODE_UNSPECIFIED: 'REFUSAL_CODE_UNSPECIFIED',
  REFUSAL_CODE_STALE_EPOCH: 'REFUSAL_CODE_STALE_EPOCH',
  REFUSAL_CODE_UNKNOWN_TASK: 'REFUSAL_CODE_UNKNOWN_TASK',
  REFUSAL_CODE_TASK_ENDED: 'REFUSAL_CODE_TASK_ENDED',
  REFUSAL_CODE_INVALID: 'REFUSAL_CODE_INVALID',
} as const;

export type RefusalCode =
  | 'REFUSAL_CODE_UNSPECIFIED'
  | 0
  | 'REFUSAL_CODE_STALE_EPOCH'
  | 1
  | 'REFUSAL_CODE_UNKNOWN_TASK'
  | 2
  | 'REFUSAL_CODE_TASK_ENDED'
  | 3
  | 'REFUSAL_CODE_INVALID'
  | 4

export type RefusalCode__Output = typeof RefusalCode[keyof typeof RefusalCode]
