// Original file: proto/outrider/delegate/v1/delegate.proto

export const TaskPhase = {
  TASK_PHASE_UNSPECIFIED: 'TASK_PHASE_UNSPECIFIED',
  TASK_PHASE_ACCEPTED: 'TASK_PHASE_ACCEPTED',
  TASK_PHASE_RUNNING: 'TASK_PHASE_RUNNING',
  TASK_PHASE_FINISHED: 'TASK_PHASE_FINISHED',
} as const;

export type TaskPhase =
  | 'TASK_PHASE_UNSPECIFIED'
  | 0
  | 'TASK_PHASE_ACCEPTED'
  | 1
  | 'TASK_PHASE_RUNNING'
  | 2
  | 'TASK_PHASE_FINISHED'
  | 3

export type TaskPhase__Output = typeof TaskPhase[keyof typeof TaskPhase]
