/**
 * Names as operators write them, as expressions spell them, and as ECS carries them.
 * Sources: contract.md §3 (names), the ECS workflows page (service and container names).
 */

/** What a resource, phase or step may be called: 1–128 of letters, digits, space and `_ . -`. */
export const NAME_PATTERN = /^[A-Za-z0-9 _.-]{1,128}$/;

/** What ECS takes as a service name (up to 255) and as a task definition family. */
export const ECS_NAME_PATTERN = /^[A-Za-z0-9_-]{1,255}$/;

/**
 * How a name is spelt in expressions and AWS names: each run of characters outside `[A-Za-z0-9_]` becomes `__`.
 * `ECS Service Setup` → `ECS__Service__Setup`; `stage-ecs` → `stage__ecs`.
 */
export function normalizeName(name: string): string {
  return name.replace(/[^A-Za-z0-9_]+/g, '__');
}

/** The container name made from an image: `library/nginx:stable-perl` → `library_nginx_stable-perl`. */
export function containerNameOf(image: string): string {
  return image.replace(/[:.+*/\\ &$|"'@]/g, '_').toLowerCase();
}

/** `family` + revision → the name of the ECS service of that version. */
export function versionedServiceName(family: string, revision: number): string {
  return `${family}__${revision}`;
}

/** The version at the end of a service name of this family, or undefined when the service is not one of the family's. */
export function serviceRevision(serviceName: string, family: string): number | undefined {
  const prefix = `${family}__`;
  if (!serviceName.startsWith(prefix)) return undefined;
  const rest = serviceName.slice(prefix.length);
  return /^[0-9]{1,9}$/.test(rest) ? Number(rest) : undefined;
}
