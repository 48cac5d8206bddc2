import { ROLES } from '@outrider/shared/api/schemas.ts';
import type { Role } from '../app/ports.ts';

/** What a request wants to do: look, change deployments, or change who may. */
export type Permission = 'read' | 'operate' | 'administer';

const PERMISSIONS: Readonly<Record<Role, readonly Permission[]>> = {
  viewer: ['read'],
  operator: ['read', 'operate'],
  admin: ['read', 'operate', 'administer'],
};

export function allows(role: Role, permission: Permission): boolean {
  return PERMISSIONS[role].includes(permission);
}

/** The least role that has the permission: what to ask an admin for. */
export function roleNeeded(permission: Permission): Role {
  return ROLES.find((role) => allows(role, permission)) ?? 'admin';
}
