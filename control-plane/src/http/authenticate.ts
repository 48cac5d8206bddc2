import { OutriderError } from '@outrider/shared/errors.ts';
import type { Actor } from '../auth/api-keys.ts';
import { allows, type Permission, roleNeeded } from '../auth/roles.ts';

/** The owner of a key; undefined when the key is not valid now. */
export type Authenticate = (presented: string) => Promise<Actor | undefined>;

/** Everybody, where no keys are asked for. */
export const LOCAL_ACTOR: Actor = { name: 'local', role: 'admin', keyId: null };

/** Who asks, by the header Authorization. @throws not-authenticated, not-permitted */
export async function actorOf(
  header: string | undefined,
  authenticate: Authenticate | null,
  permission: Permission,
): Promise<Actor> {
  if (authenticate === null) return LOCAL_ACTOR;
  const presented = /^Bearer +([!-~]{1,600}) *$/i.exec(header ?? '')?.[1];
  if (presented === undefined) {
    const message =
      header === undefined ? 'The request carries no API key' : 'The header Authorization is not a Bearer key';
    throw new OutriderError('not-authenticated', message, {
      hint: 'Send Authorization: Bearer KEY; the command line reads OUTRIDER_API_KEY.',
    });
  }
  const actor = await authenticate(presented);
  if (actor === undefined) {
    throw new OutriderError('not-authenticated', 'The API key is not valid: unknown, revoked or expired', {
      hint: 'Ask an admin for a new one: outrider keys create.',
    });
  }
  if (!allows(actor.role, permission)) {
    throw new OutriderError('not-permitted', `The key "${actor.name}" has the role ${actor.role}`, {
      hint: `This needs the role ${roleNeeded(permission)}; ask an admin for such a key.`,
    });
  }
  return actor;
}
