import type { DispatchContext } from './context.ts';
import type { Session } from './registry.ts';

/**
 * A credential counts for as long as it is valid, not only when a stream is opened: whoever revokes it, on whichever
 * replica, ends its sessions here with the next tick.
 */
export async function dropInvalidSessions(context: DispatchContext): Promise<void> {
  const { clock, registry, store } = context;
  const ids = new Set(registry.all().flatMap(({ credentialId }) => credentialId ?? []));
  if (ids.size === 0) return;
  const rows = new Map((await store.findCredentials([...ids])).map((row) => [row.id, row]));
  const now = clock.now();
  for (const session of registry.all()) {
    if (session.credentialId === undefined || !ids.has(session.credentialId)) continue;
    const row = rows.get(session.credentialId);
    if (row?.revokedAtMs !== null) await learnLock(context, session.delegate);
    if (row === undefined) endForCredential(context, session, 'the credential is not known any more');
    else if (row.revokedAtMs !== null) endForCredential(context, session, 'the credential was revoked');
    else if (row.expiresAtMs <= now) endForCredential(context, session, 'the credential has expired');
  }
}

/** It may have been locked on another replica. */
async function learnLock({ registry, store }: DispatchContext, delegate: string): Promise<void> {
  const row = await store.getDelegate(delegate);
  if (row !== undefined) registry.learn(row);
}

/** Ends a session whose delegate cannot come back with what it has shown. */
export function endForCredential({ registry, logger }: DispatchContext, session: Session, because: string): void {
  const { delegate, instanceId } = session;
  logger.warn({ delegate, instanceId, because }, 'The session of a delegate was ended: what it came in with is void');
  registry.remove(session);
  session.link.close(because, 'credential');
}
