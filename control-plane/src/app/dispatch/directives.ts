import type { DirectiveAction, InventoryItem } from '@outrider/shared/protocol/messages.ts';
import { generationOf } from '../../domain/fleet/epochs.ts';
import type { TaskRow } from '../ports.ts';

/** What a returning delegate is told about each thing it still holds. Pure. */

export interface Holder {
  readonly delegate: string;
  readonly instanceId: string;
}

export type DirectivePlan =
  /** Its lease is written to this instance first; the action holds only if that succeeds, else `stop`. */
  | { readonly action: Exclude<DirectiveAction, 'stop'>; readonly reattach: boolean }
  | { readonly action: 'stop'; readonly because: string };

/**
 * `holderLives`: the instance that holds the lease, when it is another than the one that asks, has a live session. A clone
 * (the same journal, started twice) must not take its twin's work.
 */
export function directiveFor(
  item: InventoryItem,
  row: TaskRow | undefined,
  asker: Holder,
  holderLives: boolean,
): DirectivePlan {
  if (row === undefined) return stop('the control plane does not know it');
  if (row.state === 'ended') return stop('it is over');
  if (generationOf(item.epoch) < generationOf(row.epoch))
    return stop('the store was restored from a backup since then');
  if (row.epoch !== item.epoch) return stop(`it was given away under epoch ${row.epoch}`);
  if (row.delegate !== asker.delegate) return stop(`it belongs to ${row.delegate ?? 'nobody'}`);
  if (row.state === 'queued') return stop('its lease ended; it is offered anew');
  const same = row.instanceId === asker.instanceId;
  if (!same && holderLives) return stop(`another instance of ${asker.delegate} is at it`);
  if (row.state === 'offered') {
    // An instance that has restarted has done nothing for it yet: it may as well be offered anew.
    if (!same || item.phase !== 'accepted') return stop('it was never confirmed');
    return { action: 'keep', reattach: false };
  }
  if (item.phase !== 'finished' && isBehind(item, row)) return stop('what it knows of it is older than what is stored');
  return { action: item.phase === 'finished' ? 'resend-result' : 'keep', reattach: true };
}

/**
 * More has been done under this very epoch than the asker knows: by a clone that is gone, or by itself before its disk was put
 * back to an older state. It must not go on from there, as its facts would be taken for those that are stored.
 */
function isBehind(item: InventoryItem, row: TaskRow): boolean {
  if ((item.checkpointSequence ?? Number.POSITIVE_INFINITY) < row.checkpointSequence) return true;
  return item.phase === 'accepted' && item.logOffset < row.logBytes;
}

function stop(because: string): DirectivePlan {
  return { action: 'stop', because };
}
