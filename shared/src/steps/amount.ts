import { z } from 'zod';
import { holdsExpression } from './fields.ts';

/** How many instances: an absolute count or a share of the setup's total. */
export type Amount = { readonly count: number } | { readonly percent: number };

const AMOUNT_HINT = 'write a count (2), a share (50%), {count: …} or {percent: …}';

/**
 * Reads `2`, `"2"`, `"50%"`, `{count: …}` or `{percent: …}`. Bare digits are a count. Counts are whole, 0–100000;
 * percent may have a fraction and lies in 0–100. Anything else is `undefined`.
 */
export function parseAmount(value: unknown): Amount | undefined {
  if (typeof value === 'number') return countOf(value);
  if (typeof value === 'string') {
    const text = value.trim();
    const percent = /^([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*%$/.exec(text)?.[1];
    if (percent !== undefined) return percentOf(Number(percent));
    return /^[0-9]{1,9}$/.test(text) ? countOf(Number(text)) : undefined;
  }
  if (typeof value !== 'object' || value === null || Object.keys(value).length !== 1) return undefined;
  if ('count' in value) return countOf(numberOf(value.count));
  return 'percent' in value ? percentOf(numberOf(value.percent)) : undefined;
}

function numberOf(value: unknown): number {
  if (typeof value === 'number') return value;
  const text = typeof value === 'string' ? value.trim().replace(/\s*%$/, '') : '';
  return /^[0-9]{1,9}(\.[0-9]{1,6})?$/.test(text) ? Number(text) : Number.NaN;
}

function countOf(count: number): Amount | undefined {
  return Number.isInteger(count) && count >= 0 && count <= 100_000 ? { count } : undefined;
}

function percentOf(percent: number): Amount | undefined {
  return percent >= 0 && percent <= 100 ? { percent } : undefined;
}

const numberOrExpression = z.union([z.number(), z.string()]);

/** As an author writes it. */
export function authorAmount(description: string) {
  return z
    .union([
      z.number(),
      z.string(),
      z.strictObject({ count: numberOrExpression.describe('How many.') }),
      z.strictObject({ percent: numberOrExpression.describe('Share in percent.') }),
    ])
    .refine((value) => containsExpression(value) || parseAmount(value) !== undefined, AMOUNT_HINT)
    .describe(description);
}

/** What is left after rendering. */
export function renderedAmount(description: string) {
  return z
    .unknown()
    .transform((value, context): Amount => {
      const amount = parseAmount(value);
      if (amount !== undefined) return amount;
      context.addIssue({ code: 'custom', message: `${JSON.stringify(value)} is no amount: ${AMOUNT_HINT}` });
      return z.NEVER;
    })
    .describe(description);
}

function containsExpression(value: unknown): boolean {
  return JSON.stringify(value)?.includes('${') ?? (typeof value === 'string' && holdsExpression(value));
}
