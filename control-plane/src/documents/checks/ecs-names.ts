import type { Scope } from '@outrider/shared/expressions/evaluate.ts';
import { expressionsIn, render } from '@outrider/shared/expressions/render.ts';
import type { Json } from '@outrider/shared/json.ts';
import { ECS_NAME_PATTERN, normalizeName } from '@outrider/shared/names.ts';
import { rootNames } from '../../domain/planning/check-expressions.ts';
import { isSetup, type OutlinedPhase, outlinedSteps } from '../../domain/planning/outline.ts';
import { inPhase } from '../../domain/planning/structure.ts';
import type { Checkable, Report } from './report.ts';
import { type Deployment, sampleScope } from './sample-scope.ts';

/** ECS takes 255 characters; `__` and a revision of nine digits follow the stem of a version's name. */
const STEM_LIMIT = 255 - '__'.length - 9;
const DAEMON_LIMIT = 255;

/** What an expression may name so that its value is known before a run. */
const FIXED_ROOTS = ['app', 'service', 'env', 'infra'];

/** Names that ECS would refuse are refused when they are known, which is nearly always before the run. */
export function checkEcsNames(document: Checkable, deployment: Deployment, report: Report): void {
  for (const phase of deployment.phases) {
    const scope = sampleScope(deployment, phase);
    const setup = outlinedSteps(phase).find(isSetup);
    if (setup === undefined) {
      checkOwnName(document, phase, scope, report);
      continue;
    }
    const written = setup.with['serviceName'];
    const given = written === undefined ? '' : fixedText(written, scope);
    if (given === undefined) continue;
    const { application, name } = phase.service.metadata;
    const parts = [application, name, deployment.environment.metadata.name];
    const stem = given.trim() === '' ? parts.map(normalizeName).join('__') : normalizeName(given.trim());
    const limit = setup.type === 'ecs-daemon-service-setup' ? DAEMON_LIMIT : STEM_LIMIT;
    if (stem.length <= limit) continue;
    const message = `${inPhase(phase, setup)}: ECS would refuse the service name ${stem.slice(0, 40)}…: it has ${stem.length} characters, and ${limit} are left for it`;
    const pointer = written === undefined ? setup.pointer : `${setup.pointer}/with/serviceName`;
    report.add(document, { pointer, message, hint: 'give a shorter serviceName in the setup step' });
  }
}

/** Rolling and canary steps use the name of the service definition as it is. */
function checkOwnName(document: Checkable, phase: OutlinedPhase, scope: Scope, report: Report): void {
  const written = phase.service.spec.serviceDefinition['serviceName'];
  const name = written === undefined ? undefined : fixedText(written, scope);
  if (name === undefined || ECS_NAME_PATTERN.test(name)) return;
  const message = `ECS would refuse the service name "${name.slice(0, 60)}" of the service "${phase.service.metadata.name}"`;
  const hint = 'give a serviceDefinition.serviceName of 1 to 255 letters, digits, - and _';
  report.add(document, { pointer: `${phase.pointer}/service`, message, hint });
}

/** The text when it depends on nothing that a run decides. */
function fixedText(value: Json, scope: Scope): string | undefined {
  const { expressions, problems } = expressionsIn(value);
  const isFixed = expressions.every((found) => rootNames(found.expression).every((name) => FIXED_ROOTS.includes(name)));
  if (problems.length > 0 || !isFixed) return undefined;
  const rendered = render(value, scope);
  return 'value' in rendered && typeof rendered.value === 'string' ? rendered.value : undefined;
}
