import { z } from 'zod';
import { jsonObject } from '../steps/target.ts';
import { type Kind, RESOURCE_SCHEMAS, resourceSchema } from './resource.ts';

/**
 * JSON Schema (draft 2020-12) of what an author writes, for editors and documentation: of one kind, or of a document of
 * any kind. Rules that tie fields together are not in it; `outrider validate` knows them all.
 */
export function jsonSchema(kind?: Kind): Record<string, unknown> {
  const schema = kind === undefined ? resourceSchema : RESOURCE_SCHEMAS[kind];
  return {
    $id: `https://outrider.example/schema/v1/${(kind ?? 'resource').toLowerCase()}.json`,
    title: kind === undefined ? 'Outrider resource' : `Outrider ${kind}`,
    ...z.toJSONSchema(schema, {
      target: 'draft-2020-12',
      io: 'input',
      unrepresentable: 'any',
      override: ({ zodSchema, jsonSchema: made }) => {
        if (zodSchema === jsonObject) made.type = 'object';
      },
    }),
  };
}
