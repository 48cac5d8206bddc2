import { MalformedInput } from '../validation/check-input.ts';
import { type ServiceModel, shapeOf } from '../validation/model.ts';

/** `ec2` numbers lists directly (`InstanceId.1`), `query` puts `member` between (`Names.member.1`). */
export type QueryDialect = 'query' | 'ec2';

interface Node {
  text?: string;
  readonly children: Map<string, Node>;
}

/** Parameters accepted at most in one request. */
const MAX_PARAMETERS = 10_000;
const PROTOCOL_PARAMETERS = new Set(['Action', 'Version']);

/**
 * Turns the parameters of a query request into the structure its input shape declares; numbers and booleans are read from
 * their text. Throws MalformedInput for parameters the shape does not know and for text that is no such value.
 */
export function readQuery(
  model: ServiceModel,
  inputShape: string,
  parameters: URLSearchParams,
  dialect: QueryDialect,
): unknown {
  const root: Node = { children: new Map() };
  let count = 0;
  for (const [name, value] of parameters) {
    count += 1;
    if (count > MAX_PARAMETERS) throw new MalformedInput('The request has too many parameters');
    if (PROTOCOL_PARAMETERS.has(name) || name.startsWith('X-Amz-')) continue;
    let node = root;
    for (const part of name.split('.')) {
      const child = node.children.get(part) ?? { children: new Map() };
      node.children.set(part, child);
      node = child;
    }
    node.text = value;
  }
  return read({ model, dialect }, inputShape, root, '');
}

function read(
  context: { model: ServiceModel; dialect: QueryDialect },
  shapeName: string,
  node: Node,
  path: string,
): unknown {
  const shape = shapeOf(context.model, shapeName);
  switch (shape.type) {
    case 'structure':
      return readStructure(context, shapeName, node, path);
    case 'list': {
      if (node.text === '' && node.children.size === 0) return [];
      const items = context.dialect === 'query' ? node.children.get('member') : node;
      if (items === undefined || (context.dialect === 'query' && node.children.size > 1)) {
        throw new MalformedInput(`The parameter ${path} is not a list`);
      }
      const numbered = [...items.children].map(([key, child]) => ({ index: Number(key), child }));
      if (numbered.some(({ index }) => !Number.isSafeInteger(index) || index < 1)) {
        throw new MalformedInput(`The parameter ${path} is not numbered as a list`);
      }
      numbered.sort((one, other) => one.index - other.index);
      return numbered.map(({ index, child }) => read(context, shape.member, child, `${path}.${index}`));
    }
    case 'map':
      throw new MalformedInput(`The parameter ${path} cannot be given`);
    case 'integer':
    case 'long':
    case 'float':
    case 'double': {
      const text = scalar(node, path);
      const value = text.trim() === '' ? Number.NaN : Number(text);
      if (Number.isNaN(value)) throw new MalformedInput(`Value '${text}' at '${path}' is not a number`);
      return value;
    }
    case 'boolean': {
      const text = scalar(node, path).toLowerCase();
      if (text !== 'true' && text !== 'false')
        throw new MalformedInput(`Value '${text}' at '${path}' is not a boolean`);
      return text === 'true';
    }
    default:
      return scalar(node, path);
  }
}

function readStructure(
  context: { model: ServiceModel; dialect: QueryDialect },
  shapeName: string,
  node: Node,
  path: string,
): unknown {
  const shape = shapeOf(context.model, shapeName);
  if (shape.type !== 'structure') return undefined;
  const names = new Map(
    [...shape.members].map(([name, member]) => {
      const wireName =
        context.dialect === 'ec2' ? member.wireName.charAt(0).toUpperCase() + member.wireName.slice(1) : name;
      return [wireName, { name, shape: member.shape }];
    }),
  );
  const result: Record<string, unknown> = {};
  for (const [key, child] of node.children) {
    const at = path === '' ? key : `${path}.${key}`;
    const member = names.get(key);
    if (member === undefined) throw new MalformedInput(`The parameter ${at} is not recognized`);
    result[member.name] = read(context, member.shape, child, at);
  }
  return result;
}

function scalar(node: Node, path: string): string {
  if (node.text === undefined || node.children.size > 0)
    throw new MalformedInput(`The parameter ${path} is not a plain value`);
  return node.text;
}
