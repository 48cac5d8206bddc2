import { isJson, isJsonArray, isJsonObject, type Json } from '../json.ts';

/** A function or method: how many arguments it takes, and what it makes of them. A refusal says what is wrong in words. */
export interface Callable {
  readonly usage: string;
  readonly arity: number;
  /** Pure, and fast for texts of 1 MiB. */
  call(args: readonly Json[], target: Json): Called;
}
export type Called = { readonly value: Json } | { readonly refused: string };

/** Methods of values: `${artifact.metadata.get("tag")}`, `${env.name.toLowerCase()}`. One line each makes a new one. */
export const METHODS: Readonly<Record<string, Callable>> = {
  get: method('get("key")', 1, ([key], target) => {
    if (typeof key !== 'string' && typeof key !== 'number') return { refused: 'get needs a key' };
    const value = memberOf(target, String(key));
    return value === undefined ? { refused: `there is no "${String(key)}" in it` } : { value };
  }),
  toLowerCase: textMethod('toLowerCase()', 0, (text) => text.toLowerCase()),
  toUpperCase: textMethod('toUpperCase()', 0, (text) => text.toUpperCase()),
  trim: textMethod('trim()', 0, (text) => text.trim()),
  length: textMethod('length()', 0, (text) => text.length),
  isEmpty: textMethod('isEmpty()', 0, (text) => text === ''),
  contains: textMethod('contains("part")', 1, (text, part) => text.includes(part)),
  startsWith: textMethod('startsWith("start")', 1, (text, start) => text.startsWith(start)),
  endsWith: textMethod('endsWith("end")', 1, (text, end) => text.endsWith(end)),
  replace: method('replace("old", "new")', 2, ([old, fresh], target) => {
    if (typeof target !== 'string' || typeof old !== 'string' || typeof fresh !== 'string') return notText('replace');
    if (old === '') return { refused: 'replace needs a text to look for' };
    const growth = (target.length / old.length) * fresh.length;
    return growth > 1_048_576
      ? { refused: 'the result would be too long' }
      : { value: target.replaceAll(old, () => fresh) };
  }),
  substring: method('substring(start, end)', 2, ([start, end], target) => {
    if (typeof target !== 'string') return notText('substring');
    if (typeof start !== 'number' || typeof end !== 'number') return { refused: 'substring needs two numbers' };
    return { value: target.slice(Math.max(0, start), Math.max(0, end)) };
  }),
};

/** Functions by their dotted name. */
export const FUNCTIONS: Readonly<Record<string, Callable>> = {
  'json.select': method('json.select("path.to[0].value", text)', 2, ([path, document]) => {
    if (typeof path !== 'string') return { refused: 'json.select needs a path' };
    const root = typeof document === 'string' ? parsed(document) : document;
    if (root === undefined) return { refused: 'the text is no JSON' };
    let value: Json | undefined = root;
    for (const key of path.split(/[.[\]]+/).filter((part) => part !== '' && part !== '$')) {
      value = value === undefined ? undefined : memberOf(value, key);
    }
    return value === undefined ? { refused: `there is nothing at "${path}" in it` } : { value };
  }),
};

/** A member of an object or a list by its key, own members alone. */
export function memberOf(target: Json, key: string): Json | undefined {
  if (isJsonArray(target)) return /^[0-9]{1,9}$/.test(key) ? target[Number(key)] : undefined;
  return isJsonObject(target) && Object.hasOwn(target, key) ? target[key] : undefined;
}

/** A number or true/false that stands where a text is wanted is taken as its text. */
function textMethod(usage: string, arity: number, call: (text: string, argument: string) => Json): Callable {
  return method(usage, arity, ([argument], target) => {
    if (target === null || typeof target === 'object') return notText(usage.slice(0, usage.indexOf('(')));
    return { value: call(String(target), typeof argument === 'object' ? '' : String(argument ?? '')) };
  });
}

function method(usage: string, arity: number, call: (args: readonly Json[], target: Json) => Called): Callable {
  return { usage, arity, call };
}

function notText(name: string): Called {
  return { refused: `${name} works on texts` };
}

function parsed(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJson(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
