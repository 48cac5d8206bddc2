import { pointerStep } from '@outrider/shared/expressions/render.ts';
import type { Json } from '@outrider/shared/json.ts';
import { isAlias, isMap, isScalar, isSeq, type Node, type Scalar, type YAMLMap } from 'yaml';
import { type Position, Positions, type Range, type SourceText } from './source.ts';

/** Mappings and lists within each other. */
export const DEPTH_LIMIT = 64;
/** Values of a document, those that aliases repeat counted each time. */
export const VALUES_LIMIT = 100_000;
/** Characters of all texts of a document, those that aliases repeat counted each time. */
export const TEXT_LIMIT = 2_097_152;

/** Something wrong at a range of the file. */
export interface RangeProblem {
  readonly range: Range;
  readonly message: string;
  readonly hint: string;
}

export interface ConvertedDocument {
  readonly value: Json;
  readonly positions: Positions;
  readonly problems: readonly RangeProblem[];
}

/**
 * Turns a parsed YAML document into JSON and remembers where everything stands. Keys are texts, each once; aliases are
 * written out within the limits above. What is refused stands as null in the value. Never throws.
 */
export function convertDocument(contents: Node | null, source: SourceText, origin: Range): ConvertedDocument {
  const conversion = new Conversion(source);
  const value = contents === null ? null : conversion.convert(contents, '', { depth: 0, repeated: false });
  return { value, positions: new Positions(source, conversion.byPointer, origin), problems: conversion.problems };
}

interface Context {
  readonly depth: number;
  /** Within an alias: the positions belong to the anchor, so that nothing is remembered of them. */
  readonly repeated: boolean;
}

class Conversion {
  readonly problems: RangeProblem[] = [];
  readonly byPointer = new Map<string, Position>();
  readonly #source: SourceText;
  readonly #anchors = new Map<string, Node>();
  /** Nodes that are being converted: an alias to one of them would never end. */
  readonly #open = new Set<Node>();
  #values = 0;
  #characters = 0;
  #full = false;

  constructor(source: SourceText) {
    this.#source = source;
  }

  convert(node: Node, pointer: string, context: Context, key?: Range): Json {
    const range = rangeOf(node);
    if (!context.repeated) this.byPointer.set(pointer, this.#position(node, range, key));
    if (this.#full) return null;
    if (++this.#values > VALUES_LIMIT) return this.#overflow(range, `more than ${VALUES_LIMIT} values`);
    if (context.depth > DEPTH_LIMIT) {
      return this.#refuse(range, `values are nested more than ${DEPTH_LIMIT} deep`, 'make the document flatter');
    }
    if (isAlias(node)) return this.#alias(node.source, range, pointer, context);
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, node);
    if (isScalar(node)) return this.#scalar(node, range);
    if (!isMap(node) && !isSeq(node)) return null;
    this.#open.add(node);
    const inner = { ...context, depth: context.depth + 1 };
    const value = isMap(node) ? this.#map(node, pointer, inner) : this.#list(node.items, pointer, inner);
    this.#open.delete(node);
    return value;
  }

  #alias(name: string, range: Range, pointer: string, context: Context): Json {
    const target = this.#anchors.get(name);
    if (target === undefined) {
      return this.#refuse(range, `there is no anchor "${name}" before this alias`, `write &${name} at the value meant`);
    }
    if (this.#open.has(target)) {
      return this.#refuse(range, `the alias *${name} stands inside the value that it repeats`, 'write the value out');
    }
    return this.convert(target, pointer, { depth: context.depth, repeated: true });
  }

  #scalar(node: Scalar, range: Range): Json {
    const { value } = node;
    if (typeof value === 'string') {
      this.#characters += value.length;
      if (this.#characters <= TEXT_LIMIT) return value;
      return this.#overflow(range, `more than ${TEXT_LIMIT} characters of text`);
    }
    if (value === null || typeof value === 'boolean') return value;
    if (typeof value === 'number') {
      if (!Number.isFinite(value))
        return this.#refuse(range, `${node.source ?? value} is no number here`, 'write a number');
      if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
        const text = node.source ?? String(value);
        return this.#refuse(range, `the number ${text} is too large to be kept exactly`, `put it in quotes: "${text}"`);
      }
      return value;
    }
    return this.#refuse(
      range,
      'this value is of a type that resources do not have',
      'write text, a number or true/false',
    );
  }

  #list(items: readonly unknown[], pointer: string, context: Context): Json {
    return items.map((item, index) => {
      const place = pointer + pointerStep(index);
      return isNode(item) ? this.convert(item, place, context) : null;
    });
  }

  #map(map: YAMLMap, pointer: string, context: Context): Json {
    const members = new Map<string, Json>();
    for (const pair of map.items) {
      const key = this.#key(pair.key);
      if (key === undefined) continue;
      const place = pointer + pointerStep(key.text);
      if (members.has(key.text)) {
        this.#refuse(key.range, `the key "${key.text}" stands here twice`, 'keep one of them');
        continue;
      }
      if (isNode(pair.value)) {
        members.set(key.text, this.convert(pair.value, place, context, key.range));
      } else {
        if (!context.repeated) this.byPointer.set(place, { key: key.range, value: key.range });
        members.set(key.text, null);
      }
    }
    return Object.fromEntries(members);
  }

  #key(key: unknown): { readonly text: string; readonly range: Range } | undefined {
    if (!isNode(key)) return undefined;
    const range = rangeOf(key);
    if (isScalar(key) && typeof key.value === 'string') return { text: key.value, range };
    if (isScalar(key)) {
      const text = key.source ?? String(key.value);
      const shown = text === '' ? 'an empty key' : `the key ${text}`;
      this.#refuse(
        range,
        `${shown} is no text`,
        text === '' ? 'write a name before the colon' : `put it in quotes: "${text}"`,
      );
      return undefined;
    }
    const hint = isAlias(key) ? 'write the key out' : 'write a text; put a value that begins with { or [ in quotes';
    this.#refuse(range, 'a key must be a text', hint);
    return undefined;
  }

  #position(node: Node, value: Range, key: Range | undefined): Position {
    const plainText = isScalar(node) ? plainStart(node, value, this.#source.text) : undefined;
    return {
      value,
      ...(key === undefined ? {} : { key }),
      ...(plainText === undefined ? {} : { plainText }),
    };
  }

  #overflow(range: Range, what: string): null {
    this.#full = true;
    return this.#refuse(
      range,
      `the document has ${what}, its aliases written out`,
      'split it up, or use fewer aliases',
    );
  }

  #refuse(range: Range, message: string, hint: string): null {
    this.problems.push({ range, message, hint });
    return null;
  }
}

function rangeOf(node: Node): Range {
  const [start, end] = node.range ?? [0, 0];
  return { start, end };
}

function isNode(value: unknown): value is Node {
  return isAlias(value) || isScalar(value) || isMap(value) || isSeq(value);
}

/** Where a text's first character stands, when the file has the text letter for letter. */
function plainStart(node: Scalar, range: Range, text: string): number | undefined {
  if (typeof node.value !== 'string') return undefined;
  const quoted = node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE' ? 1 : 0;
  const start = range.start + quoted;
  return text.startsWith(node.value, start) ? start : undefined;
}
