/** Which delegates may take a step, and why the others may not. */

/** A delegate as the fleet sees it now: a name, its instances' best connection, and what it says of itself. */
export interface DelegateView {
  readonly name: string;
  readonly connected: boolean;
  readonly draining: boolean;
  readonly tags: readonly string[];
  readonly stepTypes: readonly string[];
  readonly version: string;
  readonly region: string;
  readonly slots: number;
  readonly busy: number;
  readonly instances: number;
  /** How it reaches the control plane; `polling`: one of its instances does. Null: not at all. */
  readonly transport?: 'streams' | 'polling' | null;
  /** Milliseconds since 1970. */
  readonly lastSeenMs: number;
  /** Why nobody comes in under this name, until an operator lifts it. */
  readonly lock?: { readonly atMs: number; readonly because: string } | null;
  /** When another instance last wanted to come in with the credential of one that lives: its key may have been copied. */
  readonly twinSeenMs?: number | null;
}

/** What a step asks of the delegate that takes it. */
export interface DelegateNeed {
  /** All must be among the delegate's tags, or be its name. */
  readonly selectors: readonly string[];
  readonly stepType: string;
}

export interface DelegateMatch {
  readonly eligible: readonly string[];
  readonly ineligible: readonly { readonly name: string; readonly reasons: readonly string[] }[];
}

/** A full delegate is eligible: it will have room later. A draining or gone one is not. */
export function matchDelegates(need: DelegateNeed, delegates: readonly DelegateView[]): DelegateMatch {
  const eligible: string[] = [];
  const ineligible: { name: string; reasons: string[] }[] = [];
  for (const delegate of delegates) {
    const reasons = reasonsAgainst(need, delegate);
    if (reasons.length === 0) eligible.push(delegate.name);
    else ineligible.push({ name: delegate.name, reasons });
  }
  return { eligible, ineligible };
}

function reasonsAgainst(need: DelegateNeed, delegate: DelegateView): string[] {
  const reasons: string[] = [];
  if (delegate.lock) reasons.push('it is locked: its credential was copied');
  else if (!delegate.connected) reasons.push('it is not connected');
  else if (delegate.draining) reasons.push('it is draining');
  const missing = need.selectors.filter((tag) => tag !== delegate.name && !delegate.tags.includes(tag));
  if (missing.length > 0) {
    const has = delegate.tags.length === 0 ? 'it has no tags' : `it has ${delegate.tags.join(', ')}`;
    reasons.push(`it lacks the tag${missing.length > 1 ? 's' : ''} ${missing.join(', ')} (${has})`);
  }
  if (!delegate.stepTypes.includes(need.stepType)) reasons.push(`its version does not know ${need.stepType}`);
  return reasons;
}
