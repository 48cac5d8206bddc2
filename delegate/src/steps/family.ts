import { ECS_NAME_PATTERN, normalizeName, serviceRevision } from '@outrider/shared/names.ts';
import type { Aws, EcsService } from '../aws/ports.ts';
import { failure } from './failures.ts';
import { belongsTo } from './identity.ts';

/** `__` and nine digits. */
const LONGEST_FAMILY = 255 - 11;

/** A version of the service: an ECS service of the family. */
export interface Version {
  readonly service: EcsService;
  readonly revision: number;
}

/**
 * All versions of a family that exist, by ascending revision as numbers (`__9` before `__10`). A service counts only
 * with our family tag: `app__web__2` is a version of `app__web`, and may as well be somebody's own service.
 */
export async function versionsOf(ecs: Aws['ecs'], cluster: string, family: string): Promise<Version[]> {
  const names = (await ecs.listServices(cluster)).filter((name) => serviceRevision(name, family) !== undefined);
  const services = names.length === 0 ? [] : await ecs.describeServices(cluster, names);
  return services
    .filter((service) => service.status === 'ACTIVE' && belongsTo(service, family))
    .flatMap((service) => {
      const revision = serviceRevision(service.name, family);
      return revision === undefined ? [] : [{ service, revision }];
    })
    .toSorted((a, b) => a.revision - b.revision);
}

/** The stem of service names: what the step says, normalised, or the service's default. Refused when ECS would refuse it. */
export function familyOf(given: string | undefined, fallback: string): string {
  const family = given === undefined || given.trim() === '' ? fallback : normalizeName(given.trim());
  if (ECS_NAME_PATTERN.test(family) && family.length <= LONGEST_FAMILY) return family;
  throw failure('step-input-invalid', `"${family}" cannot be the stem of an ECS service name`, {
    hint: `Use up to ${LONGEST_FAMILY} letters, digits, hyphens and underscores in serviceName.`,
  });
}

/** How many instances 100 % are, and why. */
export function totalInstances(input: {
  readonly instances:
    | { fixed?: number | undefined; sameAsRunning?: true | undefined; max?: number | undefined }
    | undefined;
  /** Desired count of the newest version that runs; 0: nothing runs. */
  readonly running: number;
  readonly fallback: number;
}): number {
  const fixed = input.instances?.fixed;
  const max = input.instances?.max || input.fallback;
  if (fixed !== undefined) return fixed || max;
  return input.running > 0 ? input.running : max;
}
