// Original file: proto/outrider/delegate/v1/delegate.proto

export const ServiceRole = {
  SERVICE_ROLE_UNSPECIFIED: 'SERVICE_ROLE_UNSPECIFIED',
  SERVICE_ROLE_NEW: 'SERVICE_ROLE_NEW',
  SERVICE_ROLE_OLD: 'SERVICE_ROLE_OLD',
} as const;

export type ServiceRole =
  | 'SERVICE_ROLE_UNSPECIFIED'
  | 0
  | 'SERVICE_ROLE_NEW'
  | 1
  | 'SERVICE_ROLE_OLD'
  | 2

export type ServiceRole__Output = typeof ServiceRole[keyof typeof ServiceRole]
