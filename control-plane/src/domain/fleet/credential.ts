import { CREDENTIAL_GENERATIONS_KEPT } from '@outrider/shared/protocol/timings.ts';

/**
 * What a credential is worth. Pure.
 *
 * A credential is a line of generations: each renewal ends one secret and begins the next under the same id. A rightful
 * delegate stores the next secret before it asks for the renewal, so it never needs an older one again. Hence:
 *
 * K1 Only the newest generation lets anybody in.
 * K2 The same renewal again gets the same answer: its answer may have been lost.
 * K3 An older generation that comes back, save with the renewal that ended it, is held by somebody who copied the key.
 */

export interface Generations {
  readonly secretSha256: string;
  /** Counts from 1. */
  readonly generation: number;
  /** Earlier generations, newest first, and when each ended. */
  readonly retired: readonly RetiredGeneration[];
  readonly expiresAtMs: number;
  readonly revokedAtMs: number | null;
}
export interface RetiredGeneration {
  readonly generation: number;
  readonly secretSha256: string;
  readonly atMs: number;
}

export type Presented =
  | { readonly kind: 'current' }
  | { readonly kind: 'retired'; readonly generation: RetiredGeneration }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'revoked' | 'expired' };

/** What it means that somebody shows this secret. */
export function presented(row: Generations, secretSha256: string, atMs: number): Presented {
  const generation = row.retired.find((each) => each.secretSha256 === secretSha256);
  if (row.secretSha256 !== secretSha256 && generation === undefined) return { kind: 'unknown' };
  // A line that is over says so, whatever else is wrong: a delegate that is turned away tries what else it has.
  if (row.revokedAtMs !== null) return { kind: 'revoked' };
  if (row.expiresAtMs <= atMs) return { kind: 'expired' };
  return generation === undefined ? { kind: 'current' } : { kind: 'retired', generation };
}

export type Renewal<Row extends Generations> =
  | { readonly kind: 'renewed'; readonly row: Row }
  /** The very renewal that was done last: nothing changes. */
  | { readonly kind: 'repeated' }
  /** The next secret must be a new one. */
  | { readonly kind: 'reused' }
  | Exclude<Presented, { readonly kind: 'current' }>;

export function renewed<Row extends Generations>(
  row: Row,
  secretSha256: string,
  next: { readonly secretSha256: string; readonly expiresAtMs: number },
  atMs: number,
): Renewal<Row> {
  const standing = presented(row, secretSha256, atMs);
  const isNext = next.secretSha256 === row.secretSha256;
  if (standing.kind === 'retired' && isNext && standing.generation.generation === row.generation - 1) {
    return { kind: 'repeated' };
  }
  if (standing.kind !== 'current') return standing;
  if (isNext || row.retired.some((each) => each.secretSha256 === next.secretSha256)) return { kind: 'reused' };
  const ended: RetiredGeneration = { generation: row.generation, secretSha256, atMs };
  return {
    kind: 'renewed',
    row: {
      ...row,
      secretSha256: next.secretSha256,
      generation: row.generation + 1,
      retired: [ended, ...row.retired].slice(0, CREDENTIAL_GENERATIONS_KEPT),
      expiresAtMs: next.expiresAtMs,
    },
  };
}
