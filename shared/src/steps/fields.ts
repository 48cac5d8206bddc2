import { z } from 'zod';

/**
 * The building blocks of step inputs. A step's fields are written once as a function of these blocks and used twice:
 * AUTHOR accepts what stands in a workflow, where a field may hold `${…}`; RENDERED accepts what is left after the
 * expressions were resolved, and nothing but final values.
 */
export interface Fields<Integer, Flag> {
  /** Text; may hold expressions. */
  text(description: string): z.ZodType<string>;
  integer(description: string, limits: { min: number; max: number }): z.ZodType<Integer>;
  flag(description: string): z.ZodType<Flag>;
}

/** Whether a text holds an expression that is still to be resolved. */
export function holdsExpression(text: string): boolean {
  return text.includes('${');
}

const EXPRESSION = z.string().regex(/\$\{/, 'expected a value or an expression ${…}');

function integerType(limits: { min: number; max: number }) {
  return z.number().int().min(limits.min).max(limits.max);
}

export const AUTHOR: Fields<number | string, boolean | string> = {
  text: (description) => z.string().max(4_096).describe(description),
  integer: (description, limits) => z.union([integerType(limits), EXPRESSION]).describe(description),
  flag: (description) => z.union([z.boolean(), EXPRESSION]).describe(description),
};

/** A rendered expression is text: `"10"` counts as 10 and `"true"` as true. */
export const RENDERED: Fields<number, boolean> = {
  text: (description) => z.string().max(65_536).describe(description),
  integer: (description, limits) =>
    z
      .preprocess(
        (value) => (typeof value === 'string' && /^-?[0-9]{1,15}$/.test(value.trim()) ? Number(value) : value),
        integerType(limits),
      )
      .describe(description),
  flag: (description) =>
    z
      .preprocess((value) => (value === 'true' ? true : value === 'false' ? false : value), z.boolean())
      .describe(description),
};
