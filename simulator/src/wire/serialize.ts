import { type ServiceModel, shapeOf } from '../validation/model.ts';

/**
 * Writes an answer by its output shape: epoch milliseconds become AWS's epoch seconds. A member that the shape lacks is a
 * defect of the simulator and throws, so that nothing is answered that AWS would not answer.
 */
export function toJson(model: ServiceModel, shapeName: string, value: unknown): unknown {
  const shape = shapeOf(model, shapeName);
  if (value === undefined || value === null) return undefined;
  switch (shape.type) {
    case 'structure': {
      const result: Record<string, unknown> = {};
      for (const [name, member] of Object.entries(value)) {
        const declared = shape.members.get(name);
        if (declared === undefined) throw new Error(`${shapeName} has no member ${name}`);
        const written = toJson(model, declared.shape, member);
        if (written !== undefined) result[name] = written;
      }
      return result;
    }
    case 'list':
      return asList(value, shapeName).map((member) => toJson(model, shape.member, member));
    case 'map':
      return Object.fromEntries(
        Object.entries(value).map(([key, member]) => [key, toJson(model, shape.value, member)]),
      );
    case 'timestamp':
      return asNumber(value, shapeName) / 1000;
    default:
      return value;
  }
}

/** The same as XML of the query protocol: list members in `member` elements, timestamps in ISO 8601. */
export function toXml(model: ServiceModel, shapeName: string, value: unknown): string {
  const shape = shapeOf(model, shapeName);
  if (value === undefined || value === null) return '';
  switch (shape.type) {
    case 'structure':
      return Object.entries(value)
        .filter(([, member]) => member !== undefined)
        .map(([name, member]) => {
          const declared = shape.members.get(name);
          if (declared === undefined) throw new Error(`${shapeName} has no member ${name}`);
          return element(name, toXml(model, declared.shape, member));
        })
        .join('');
    case 'list':
      return asList(value, shapeName)
        .map((member) => element('member', toXml(model, shape.member, member)))
        .join('');
    case 'map':
      return Object.entries(value)
        .map(([key, member]) =>
          element('entry', element('key', escapeXml(key)) + element('value', toXml(model, shape.value, member))),
        )
        .join('');
    case 'timestamp':
      return new Date(asNumber(value, shapeName)).toISOString();
    default:
      return escapeXml(scalarText(value));
  }
}

export function element(name: string, content: string): string {
  return content === '' ? `<${name}/>` : `<${name}>${content}</${name}>`;
}

export function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

function asList(value: unknown, shapeName: string): unknown[] {
  if (!Array.isArray(value)) throw new Error(`${shapeName} must be a list`);
  return value;
}

function asNumber(value: unknown, shapeName: string): number {
  if (typeof value !== 'number') throw new Error(`${shapeName} must be a number`);
  return value;
}

/** The text of a string, number or boolean. Anything else is a defect of the simulator. */
export function scalarText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return value.toString();
  throw new Error('A plain value was expected');
}
