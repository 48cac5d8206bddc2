/** Paths whose rest is a secret: it stands in no log and in no answer. */

/** Where triggers are called; the token follows. */
export const HOOKS_PATH = '/v1/hooks/';

/** The path as it may be written down. */
export function withoutSecret(path: string): string {
  return path.startsWith(HOOKS_PATH) ? `${HOOKS_PATH}…` : path;
}
