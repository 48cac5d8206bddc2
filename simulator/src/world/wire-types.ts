/**
 * An SDK type as the simulator holds it: dates are epoch milliseconds, required members are never undefined. Input of this
 * type has passed the service model; output of this type is written by the service model.
 */
export type Wire<T> = T extends Date
  ? number
  : T extends readonly (infer Member)[]
    ? Wire<Member>[]
    : T extends object
      ? { [Key in keyof T]: Wire<Exclude<T[Key], undefined>> }
      : T;

/** T with its optional members allowed to be undefined. */
export type Loose<T> = { [Key in keyof T]: Partial<Pick<T, Key>> extends Pick<T, Key> ? T[Key] | undefined : T[Key] };

/** Leaves undefined members out, as JSON does. */
export function compact<T extends object>(value: Loose<T>): T;
export function compact(value: object): object {
  const kept: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) if (member !== undefined) kept[name] = member;
  return kept;
}

/** The value without the named members. */
export function omit<T extends object, Key extends keyof T>(value: T, ...keys: readonly Key[]): Omit<T, Key>;
export function omit(value: object, ...keys: readonly PropertyKey[]): object {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !keys.includes(name)));
}
