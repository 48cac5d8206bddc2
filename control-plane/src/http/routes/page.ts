import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { defineRoute, type Route } from '../route.ts';

/** No foreign asset, no inline script, no frame: what an operator types here stays here. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const FILES = [
  { path: '/', file: 'index.html', contentType: 'text/html; charset=utf-8' },
  { path: '/page.css', file: 'page.css', contentType: 'text/css; charset=utf-8' },
  { path: '/page.js', file: 'page.js', contentType: 'text/javascript; charset=utf-8' },
];

/** The plain page at `/`: executions and delegates, live. The page is public; what it shows needs a key. */
export function pageRoutes(): Route[] {
  return FILES.map(({ path, file, contentType }) => {
    const text = readFileSync(new URL(`../../../page/${file}`, import.meta.url), 'utf8');
    return defineRoute({
      method: 'GET',
      path,
      operationId: `read ${file}`,
      tag: 'Page',
      summary: file,
      hidden: true,
      permission: 'public',
      params: z.strictObject({}),
      query: z.looseObject({}),
      answers: [{ status: 200, description: file, contentTypes: [contentType] }],
      handle: () => ({
        kind: 'text',
        status: 200,
        contentType,
        text,
        headers: { 'content-security-policy': POLICY, 'referrer-policy': 'no-referrer', 'cache-control': 'no-cache' },
      }),
    });
  });
}
