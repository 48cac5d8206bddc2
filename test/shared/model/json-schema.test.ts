import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isJsonObject, type Json, type JsonObject } from '@outrider/shared/json.ts';
import { jsonSchema } from '@outrider/shared/model/json-schema.ts';
import { KINDS } from '@outrider/shared/model/resource.ts';
import { STEP_TYPES } from '@outrider/shared/steps/index.ts';

function schemaOf(...args: Parameters<typeof jsonSchema>): JsonObject {
  const parsed: Json = JSON.parse(JSON.stringify(jsonSchema(...args)));
  assert.ok(isJsonObject(parsed));
  return parsed;
}

/** Every field of a schema with its path. */
function* fields(schema: Json, path: string): Generator<readonly [string, Json]> {
  if (Array.isArray(schema)) {
    for (const item of schema) yield* fields(item, path);
    return;
  }
  if (!isJsonObject(schema)) return;
  const { properties } = schema;
  for (const [name, member] of Object.entries(isJsonObject(properties) ? properties : {})) {
    yield [`${path}.${name}`, member];
  }
  for (const [key, member] of Object.entries(schema))
    yield* fields(member, key === 'properties' ? path : `${path}/${key}`);
}

describe('the JSON Schema', () => {
  for (const kind of [undefined, ...KINDS] as const) {
    test(`of ${kind ?? 'any resource'} is a draft 2020-12 schema with a description on every field`, () => {
      const schema = schemaOf(kind);
      assert.equal(schema['$schema'], 'https://json-schema.org/draft/2020-12/schema');
      const definitions = isJsonObject(schema['$defs']) ? schema['$defs'] : {};
      const bare: string[] = [];
      let count = 0;
      for (const [path, field] of fields(schema, '')) {
        count++;
        const reference = isJsonObject(field) && typeof field['$ref'] === 'string' ? field['$ref'] : '';
        const target = definitions[reference.replace('#/$defs/', '')];
        const described = [field, target].some(
          (place) => isJsonObject(place) && typeof place['description'] === 'string',
        );
        if (!described) bare.push(path);
      }
      assert.ok(count > 10, `${count} fields`);
      assert.deepEqual(bare, []);
    });
  }

  test('describes what authors write: fields with defaults are not required, unknown fields are not allowed', () => {
    const schema = schemaOf('Service');
    const spec = isJsonObject(schema['properties']) ? schema['properties']['spec'] : undefined;
    assert.ok(isJsonObject(spec));
    assert.deepEqual(spec['required'], ['artifact']);
    assert.equal(spec['additionalProperties'], false);
  });

  test('knows every step type by name', () => {
    const definitions = schemaOf('Workflow')['$defs'];
    assert.ok(isJsonObject(definitions));
    for (const type of STEP_TYPES) assert.ok(isJsonObject(definitions[type]), type);
  });
});
