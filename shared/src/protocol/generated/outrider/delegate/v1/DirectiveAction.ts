// Original file: proto/outrider/delegate/v1/delegate.proto

export const DirectiveAction = {
  DIRECTIVE_ACTION_UNSPECIFIED: 'DIRECTIVE_ACTION_UNSPECIFIED',
  DIRECTIVE_ACTION_KEEP: 'DIRECTIVE_ACTION_KEEP',
  DIRECTIVE_ACTION_STOP: 'DIRECTIVE_ACTION_STOP',
  DIRECTIVE_ACTION_RESEND_RESULT: 'DIRECTIVE_ACTION_RESEND_RESULT',
} as const;

export type DirectiveAction =
  | 'DIRECTIVE_ACTION_UNSPECIFIED'
  | 0
  | 'DIRECTIVE_ACTION_KEEP'
  | 1
  | 'DIRECTIVE_ACTION_STOP'
  | 2
  | 'DIRECTIVE_ACTION_RESEND_RESULT'
  | 3

export type DirectiveAction__Output = typeof DirectiveAction[keyof typeof DirectiveAction]
