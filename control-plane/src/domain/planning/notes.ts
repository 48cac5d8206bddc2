import { render } from '@outrider/shared/expressions/render.ts';
import { lenientPointers } from '../execution/lenient.ts';
import { isSameTarget, isSetup, outlinedSteps } from './outline.ts';
import type { ResolvedPhase } from './phases.ts';
import type { StartInput } from './plan.ts';
import { inPhase } from './structure.ts';

/** What the operator should know and need not mend: defaults taken, fields without effect. */
export function notesOn(phases: readonly ResolvedPhase[], start: StartInput): readonly string[] {
  const notes = phases.flatMap((phase) => [
    ...usualSections(phase),
    ...resizeWithoutSetup(phase, phases),
    ...unusedFamily(phase),
    ...unresolvedTimeout(phase),
  ]);
  return [...latestImages(phases, start), ...notes];
}

function latestImages(phases: readonly ResolvedPhase[], start: StartInput): readonly string[] {
  const services = [...new Set(phases.map((phase) => phase.service.metadata.name))];
  return services
    .filter((name) => {
      const image = phases.find((phase) => phase.service.metadata.name === name)?.image;
      const given = start.artifacts[name] ?? '';
      return image?.tag === 'latest' && image.digest === undefined && !given.endsWith(':latest');
    })
    .map((name) => `No tag was given for the image of "${name}": latest is deployed.`);
}

function usualSections(phase: ResolvedPhase): readonly string[] {
  if (!phase.generated) return [];
  const names = outlinedSteps(phase).map((step) => step.name);
  return [`Phase "${phase.phase.name}" names no sections and gets the usual steps: ${names.join(', ')}.`];
}

function resizeWithoutSetup(phase: ResolvedPhase, phases: readonly ResolvedPhase[]): readonly string[] {
  const resize = outlinedSteps(phase).find((step) => step.type === 'ecs-upgrade-containers');
  const hasSetup = phases.some(
    (other) => other.index <= phase.index && isSameTarget(other, phase) && outlinedSteps(other).some(isSetup),
  );
  if (resize === undefined || hasSetup) return [];
  return [`In ${inPhase(phase, resize)} there is no ECS Service Setup before it: the step will be skipped.`];
}

function unusedFamily(phase: ResolvedPhase): readonly string[] {
  const setup = outlinedSteps(phase).find(isSetup);
  if (setup === undefined || phase.service.spec.taskDefinition?.['family'] === undefined) return [];
  return [`taskDefinition.family of "${phase.service.metadata.name}" has no effect: ${setup.name} names the family.`];
}

/** The page: a steady state timeout whose expression fails or is null counts as 10 minutes. */
function unresolvedTimeout(phase: ResolvedPhase): readonly string[] {
  return outlinedSteps(phase)
    .filter((step) => lenientPointers(step.type).length > 0)
    .flatMap((step) => {
      const rendered = render(step.with, phase.scope, { lenient: lenientPointers(step.type) });
      const fails = !('problems' in rendered) && rendered.notes.length > 0;
      return fails
        ? [
            `In ${inPhase(phase, step)} the steady state timeout does not resolve now; if it does not later, 10 minutes are used.`,
          ]
        : [];
    });
}
