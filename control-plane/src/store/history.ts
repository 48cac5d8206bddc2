import { createHash } from 'node:crypto';
import type { ExecutionId } from '@outrider/shared/ids.ts';
import { canonicalJson, type Json } from '@outrider/shared/json.ts';
import type { HistoryVerdict } from '../app/ports.ts';
import { readJson } from './json-text.ts';

/**
 * The hash chain over the events of one execution: each hash covers the event, its place, its time and the hash before
 * it. Whoever changes, drops or reorders a stored event must forge every hash after it, and the head that the
 * execution's own row keeps.
 */

/** Hash (hex) that stands before the first event: bound to the execution, so that histories cannot be exchanged. */
export function chainStart(executionId: ExecutionId): string {
  return sha256(canonicalJson({ executionId }));
}

/** A link of the chain as it is stored. */
export interface ChainLink {
  readonly seq: number;
  readonly atMs: number;
  /** The event as JSON text; the order of its keys does not count. */
  readonly eventJson: string;
  readonly previousHash: string;
  readonly hash: string;
}

/** The link for an event that follows the one with `previousHash`. */
export function chainLink(previousHash: string, seq: number, atMs: number, eventJson: string): ChainLink {
  const event = readJson<Json>(eventJson);
  return { seq, atMs, eventJson, previousHash, hash: sha256(canonicalJson({ seq, atMs, event, previousHash })) };
}

/** Walks the stored links in order of seq; `head` is what the execution's own row says about its last event. */
export function verifyChain(
  executionId: ExecutionId,
  links: Iterable<ChainLink>,
  head: { readonly seq: number; readonly hash: string },
): HistoryVerdict {
  let seq = 0;
  let hash = chainStart(executionId);
  for (const link of links) {
    seq += 1;
    if (link.seq !== seq || seq > head.seq || link.previousHash !== hash || !isTrue(link)) {
      return { kind: 'broken', seq };
    }
    hash = link.hash;
  }
  if (seq < head.seq) return { kind: 'broken', seq: seq + 1 };
  if (hash !== head.hash) return { kind: 'broken', seq: Math.max(seq, 1) };
  return { kind: 'ok', events: seq };
}

function isTrue(link: ChainLink): boolean {
  try {
    return chainLink(link.previousHash, link.seq, link.atMs, link.eventJson).hash === link.hash;
  } catch {
    // What is stored is not even JSON any more.
    return false;
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
