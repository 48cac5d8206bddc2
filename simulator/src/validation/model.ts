/** A shape of an AWS service model, cut down to what validation and serialization need. */
export type Shape =
  | {
      readonly type: 'structure';
      readonly members: ReadonlyMap<string, MemberShape>;
      readonly required: readonly string[];
    }
  | ({ readonly type: 'list'; readonly member: string } & Limits)
  | ({ readonly type: 'map'; readonly key: string; readonly value: string } & Limits)
  | ({ readonly type: 'string'; readonly enum?: readonly string[]; readonly pattern?: RegExp } & Limits)
  | ({ readonly type: 'integer' | 'long' | 'float' | 'double' } & Limits)
  | { readonly type: 'boolean' | 'timestamp' };

export interface MemberShape {
  readonly shape: string;
  /** The member's name in the EC2 query protocol; the member's own name everywhere else. */
  readonly wireName: string;
}

interface Limits {
  readonly min?: number;
  readonly max?: number;
}

export interface OperationModel {
  readonly input: string;
  readonly output?: string;
  readonly resultWrapper?: string;
}

export interface ServiceModel {
  readonly apiVersion: string;
  readonly operations: ReadonlyMap<string, OperationModel>;
  readonly shapes: ReadonlyMap<string, Shape>;
}

/** Reads a generated model. Throws when the file is not what the generator writes: a broken build, never a user's mistake. */
export function parseServiceModel(raw: unknown): ServiceModel {
  const root = record(raw);
  return {
    apiVersion: text(root['apiVersion']),
    operations: new Map(
      Object.entries(record(root['operations'])).map(([name, value]) => [name, operationModel(value)]),
    ),
    shapes: new Map(Object.entries(record(root['shapes'])).map(([name, value]) => [name, shapeModel(value)])),
  };
}

/** The named shape; a name that the model lacks is a broken build. */
export function shapeOf(model: ServiceModel, name: string): Shape {
  const shape = model.shapes.get(name);
  if (shape === undefined) throw new Error(`The service model has no shape ${name}`);
  return shape;
}

function operationModel(raw: unknown): OperationModel {
  const source = record(raw);
  return {
    input: text(source['input']),
    ...(source['output'] === undefined ? {} : { output: text(source['output']) }),
    ...(source['resultWrapper'] === undefined ? {} : { resultWrapper: text(source['resultWrapper']) }),
  };
}

function shapeModel(raw: unknown): Shape {
  const source = record(raw);
  const type = text(source['type']);
  switch (type) {
    case 'structure':
      return { type, members: members(source['members']), required: texts(source['required'] ?? []) };
    case 'list':
      return { type, member: text(source['member']), ...limits(source) };
    case 'map':
      return { type, key: text(source['key']), value: text(source['value']), ...limits(source) };
    case 'string': {
      const pattern = source['pattern'] === undefined ? undefined : anchored(text(source['pattern']));
      return {
        type,
        ...limits(source),
        ...(source['enum'] === undefined ? {} : { enum: texts(source['enum']) }),
        ...(pattern === undefined ? {} : { pattern }),
      };
    }
    case 'integer':
    case 'long':
    case 'float':
    case 'double':
      return { type, ...limits(source) };
    case 'boolean':
    case 'timestamp':
      return { type };
    default:
      throw new Error(`The service model has a shape of unknown type ${type}`);
  }
}

function members(raw: unknown): ReadonlyMap<string, MemberShape> {
  return new Map(
    Object.entries(record(raw)).map(([name, value]) => {
      const [shape, wireName] = typeof value === 'string' ? [value, name] : texts(value);
      return [name, { shape: text(shape), wireName: text(wireName) }];
    }),
  );
}

/**
 * AWS patterns match whole values and are written for Java: `\p{Print}` is what ASCII can print. One that is no valid
 * expression here is left out, which never refuses what AWS accepts.
 */
function anchored(pattern: string): RegExp | undefined {
  try {
    return new RegExp(`^(?:${pattern.replaceAll('\\p{Print}', '[ -~]')})$`, 'su');
  } catch {
    return undefined;
  }
}

function limits(source: Readonly<Record<string, unknown>>): Limits {
  const { min, max } = source;
  return { ...(typeof min === 'number' ? { min } : {}), ...(typeof max === 'number' ? { max } : {}) };
}

function record(raw: unknown): Record<string, unknown> {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) throw new Error('The service model is malformed');
  return Object.fromEntries(Object.entries(raw));
}

function text(raw: unknown): string {
  if (typeof raw !== 'string') throw new Error('The service model is malformed: a name was expected');
  return raw;
}

function texts(raw: unknown): string[] {
  if (!Array.isArray(raw)) throw new Error('The service model is malformed: a list of names was expected');
  return raw.map(text);
}
