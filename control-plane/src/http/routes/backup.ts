import { z } from 'zod';
import type { HttpDependencies } from '../ports.ts';
import { defineRoute, type Route } from '../route.ts';

/** The whole store, for whoever must be able to bring it back. */
export function backupRoutes({ backups }: HttpDependencies): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/backup',
      operationId: 'readBackup',
      tag: 'About',
      summary: 'Makes a backup of the store and answers it',
      description:
        'All that the control plane keeps, hashes of keys and its certificate authority included, as one file for `outrider restore`. It is as ' +
        'of one moment after the request; work goes on meanwhile. One is made at a time.',
      permission: 'administer',
      params: z.strictObject({}),
      query: z.strictObject({}),
      answers: [
        {
          status: 200,
          description: 'The file',
          contentTypes: ['application/vnd.sqlite3'],
          headers: { 'Repr-Digest': 'Its SHA-256, as RFC 9530 writes it', 'Content-Disposition': 'A name for it' },
        },
      ],
      async handle({ actor }) {
        const backup = await backups.make(actor.name);
        const at = new Date(backup.madeAtMs).toISOString();
        return {
          kind: 'bytes',
          contentType: 'application/vnd.sqlite3',
          length: backup.bytes,
          content: backup.content(),
          done: () => backup.discard(),
          headers: {
            'repr-digest': `sha-256=:${Buffer.from(backup.sha256, 'hex').toString('base64')}:`,
            'content-disposition': `attachment; filename="outrider-${at.replace(/[-:]|\.[0-9]+/g, '')}.db"`,
            'x-outrider-executions': String(backup.executions),
            'x-outrider-living-tasks': String(backup.livingTasks),
          },
        };
      },
    }),
  ];
}
