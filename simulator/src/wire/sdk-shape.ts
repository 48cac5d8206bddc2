import { type ServiceModel, shapeOf } from '../validation/model.ts';

type Convert = (value: unknown) => unknown;

/** One converter per shape, made when it is first needed; undefined: the value stays as it is. */
const CONVERTERS = new WeakMap<ServiceModel, Map<string, Convert | undefined>>();

/**
 * An answer as AWS's SDK gives it to its caller: a copy by the output shape, dates as Date, absent members left out. A member that
 * the shape lacks is a defect of the simulator and throws.
 */
export function toSdk(model: ServiceModel, shapeName: string, value: unknown): unknown {
  const convert = converterOf(model, shapeName);
  return convert === undefined ? value : convert(value);
}

function converterOf(model: ServiceModel, shapeName: string): Convert | undefined {
  let known = CONVERTERS.get(model);
  if (known === undefined) {
    known = new Map();
    CONVERTERS.set(model, known);
  }
  if (known.has(shapeName)) return known.get(shapeName);
  const made = makeConverter(model, shapeName);
  known.set(shapeName, made);
  return made;
}

function makeConverter(model: ServiceModel, shapeName: string): Convert | undefined {
  const shape = shapeOf(model, shapeName);
  switch (shape.type) {
    case 'structure':
      return structureConverter(
        model,
        shapeName,
        new Map([...shape.members].map(([name, member]) => [name, member.shape])),
      );
    case 'list': {
      const { member } = shape;
      return (value) => {
        if (!Array.isArray(value)) throw new Error(`${shapeName} must be a list`);
        const items: readonly unknown[] = value;
        const convert = converterOf(model, member);
        return convert === undefined ? items.slice() : items.map((item) => convert(item));
      };
    }
    case 'map':
      return (value) => {
        const convert = converterOf(model, shape.value) ?? ((member: unknown) => member);
        const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
        return Object.fromEntries(entries.map(([key, member]) => [key, convert(member)]));
      };
    case 'timestamp':
      return (value) => {
        if (typeof value !== 'number') throw new Error(`${shapeName} must be a number`);
        return new Date(value);
      };
    default:
      return undefined;
  }
}

interface Member {
  readonly shape: string;
  /** Undefined until it was looked up; null: the value stays as it is. */
  convert: Convert | null | undefined;
}

/** Converters of members are looked up when they are first met: shapes may contain themselves. */
function structureConverter(model: ServiceModel, shapeName: string, shapes: ReadonlyMap<string, string>): Convert {
  const members = new Map([...shapes].map(([name, shape]): [string, Member] => [name, { shape, convert: undefined }]));
  return (value) => {
    const result: Record<string, unknown> = {};
    if (typeof value !== 'object' || value === null) return result;
    const source: Readonly<Record<string, unknown>> = { ...value };
    for (const name in source) {
      const member = members.get(name);
      if (member === undefined) throw new Error(`${shapeName} has no member ${name}`);
      const content = source[name];
      if (content === undefined || content === null) continue;
      if (member.convert === undefined) member.convert = converterOf(model, member.shape) ?? null;
      result[name] = member.convert === null ? content : member.convert(content);
    }
    return result;
  };
}
