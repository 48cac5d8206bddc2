import { applied, documentFiles, validated } from '@outrider/shared/api/schemas.ts';
import { keyOf } from '@outrider/shared/model/resource.ts';
import { z } from 'zod';
import { invalidDocuments, readDocuments } from '../../documents/read-documents.ts';
import { documentInput } from '../document-input.ts';
import type { HttpDependencies } from '../ports.ts';
import { defineRoute, documentBody, type Route } from '../route.ts';

/** Several resources at once, as text. */
export function documentRoutes({ resources }: HttpDependencies): Route[] {
  return [
    defineRoute({
      method: 'POST',
      path: '/v1/apply',
      operationId: 'apply',
      tag: 'Resources',
      summary: 'Stores several resources: all of them, or none',
      description:
        'The body is YAML or JSON with any number of documents, or a JSON object that carries files by name. ' +
        'A resource that says the same as the stored one makes no new version.',
      permission: 'operate',
      params: z.strictObject({}),
      query: z.strictObject({}),
      body: { kind: 'documents', schema: documentBody, describedBy: documentFiles },
      answers: [{ status: 200, description: 'What became of each', schema: applied }],
      async handle({ body, actor }) {
        const { files, attachments } = documentInput(body);
        const items = await resources.apply(readDocuments(files, attachments), actor.name);
        return { kind: 'json', status: 200, body: { items } };
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/validate',
      operationId: 'validate',
      tag: 'Resources',
      summary: 'Says whether /v1/apply would store the documents, and stores nothing',
      permission: 'read',
      params: z.strictObject({}),
      query: z.strictObject({}),
      body: { kind: 'documents', schema: documentBody, describedBy: documentFiles },
      answers: [{ status: 200, description: 'They are valid', schema: validated }],
      async handle({ body }) {
        const { files, attachments } = documentInput(body);
        const given = readDocuments(files, attachments);
        const problems = await resources.validate(given);
        if (problems.length > 0) throw invalidDocuments(problems, false);
        return { kind: 'json', status: 200, body: { items: given.map(({ resource }) => keyOf(resource)) } };
      },
    }),
  ];
}
