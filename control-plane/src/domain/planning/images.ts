import { chooseImage, type ImageReference } from '@outrider/shared/model/image.ts';
import type { Service } from '@outrider/shared/model/service.ts';
import { didYouMean, listed } from '@outrider/shared/nearest.ts';
import type { PlanProblem } from './problems.ts';

export interface ChosenImages {
  readonly byService: ReadonlyMap<string, ImageReference>;
  readonly problems: readonly PlanProblem[];
}

/** The image of each service that the workflow deploys, from what the run gives. */
export function chooseImages(services: readonly Service[], given: Readonly<Record<string, string>>): ChosenImages {
  const names = services.map((service) => service.metadata.name);
  const problems: PlanProblem[] = [];
  for (const name of Object.keys(given)) {
    if (names.includes(name)) continue;
    const hint = didYouMean(name, names) ?? `the workflow deploys ${listed(names, 'and')}`;
    problems.push({ code: 'request-invalid', message: `the workflow deploys no service "${name}"`, hint });
  }
  const byService = new Map<string, ImageReference>();
  for (const service of services) {
    const { name } = service.metadata;
    const image = Object.hasOwn(given, name) ? given[name] : undefined;
    if (image === undefined) {
      problems.push({
        code: 'request-invalid',
        message: `no image was given for the service "${name}"`,
        hint: `say which version to deploy: --artifact "${name}=:TAG", in the API artifacts: {"${name}": ":TAG"}`,
      });
      continue;
    }
    const chosen = chooseImage(service.spec.artifact.image, image);
    if ('refused' in chosen) {
      problems.push({
        code: 'request-invalid',
        message: `the image for the service "${name}" cannot be used: ${chosen.refused}`,
        hint: `give it as :TAG, @DIGEST or ${service.spec.artifact.image}:TAG`,
      });
    } else {
      byService.set(name, chosen);
    }
  }
  return { byService, problems };
}
