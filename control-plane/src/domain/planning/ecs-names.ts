import type { Json } from '@outrider/shared/json.ts';
import { ECS_NAME_PATTERN, normalizeName } from '@outrider/shared/names.ts';
import { isSetup, type OutlinedPhase, outlinedSteps } from './outline.ts';
import type { PlanProblem } from './problems.ts';
import { inPhase } from './structure.ts';

/** What ECS takes as the name of a service. */
const NAME_LIMIT = 255;
/** Left for the stem of a version's name: `__` and a revision of nine digits follow it. */
const STEM_LIMIT = NAME_LIMIT - '__'.length - 9;

/** Default family and stem of service names (ECS workflows page). */
export function familyOf(application: string, service: string, environment: string): string {
  return [application, service, environment].map(normalizeName).join('__');
}

/**
 * Names that ECS would refuse, as far as they are known. `resolve` answers with the value of a text that may hold
 * expressions, or undefined while it is not known.
 */
export function checkEcsNames(
  phase: OutlinedPhase,
  environment: string,
  resolve: (text: Json) => string | undefined,
): readonly PlanProblem[] {
  const setup = outlinedSteps(phase).find(isSetup);
  if (setup === undefined) return ownNames(phase, resolve);
  const { application, name } = phase.service.metadata;
  const written = setup.with['serviceName'];
  const given = written === undefined ? '' : resolve(written);
  if (given === undefined) return [];
  const stem = given.trim() === '' ? familyOf(application, name, environment) : normalizeName(given.trim());
  const limit = setup.type === 'ecs-daemon-service-setup' ? NAME_LIMIT : STEM_LIMIT;
  if (stem.length <= limit) return [];
  const length = `it has ${stem.length} characters, and ${limit} are left for it`;
  return [
    {
      code: 'document-invalid',
      message: `${inPhase(phase, setup)}: ECS would refuse the service name ${stem.slice(0, 40)}…: ${length}`,
      hint: 'give a shorter serviceName in the setup step',
      pointer: written === undefined ? setup.pointer : `${setup.pointer}/with/serviceName`,
    },
  ];
}

/** Rolling and canary steps use the names of the service's own AWS documents as they are. */
function ownNames(phase: OutlinedPhase, resolve: (text: Json) => string | undefined): readonly PlanProblem[] {
  const { serviceDefinition, taskDefinition } = phase.service.spec;
  const names = [
    { field: 'serviceDefinition.serviceName', what: 'service name', written: serviceDefinition['serviceName'] },
    { field: 'taskDefinition.family', what: 'family', written: taskDefinition?.['family'] },
  ];
  return names.flatMap(({ field, what, written }): PlanProblem[] => {
    const name = written === undefined ? undefined : resolve(written);
    if (name === undefined || ECS_NAME_PATTERN.test(name)) return [];
    const service = phase.service.metadata.name;
    return [
      {
        code: 'document-invalid',
        message: `ECS would refuse the ${what} "${name.slice(0, 60)}" of the service "${service}"`,
        hint: `give a ${field} of 1 to 255 letters, digits, - and _`,
        pointer: `${phase.pointer}/service`,
      },
    ];
  });
}
