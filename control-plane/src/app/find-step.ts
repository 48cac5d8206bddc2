import { OutriderError } from '@outrider/shared/errors.ts';
import { didYouMean, listed } from '@outrider/shared/nearest.ts';
import type { ExecutionPlan } from '../domain/planning/plan.ts';
import { allPhases, allSteps, findStep, type StepPlace } from '../domain/planning/walk.ts';

/** A step by its id, as PHASE/NAME, or by a NAME that only one step has. @throws not-found, request-invalid */
export function findStepByReference(plan: ExecutionPlan, reference: string): StepPlace {
  const byId = findStep(plan, reference);
  if (byId !== undefined) return byId;
  const places = allSteps(plan).flatMap((step) => findStep(plan, step.id) ?? []);
  const slash = reference.indexOf('/');
  const named = places.filter((place) =>
    slash === -1 ? same(place.step.name, reference) : same(nameOf(place), reference),
  );
  const [only, second] = named;
  if (only === undefined) {
    const names = [...places.map(nameOf), ...allPhases(plan).map((phase) => phase.name)];
    throw new OutriderError('not-found', `The execution has no step "${reference}"`, {
      hint:
        didYouMean(reference, names) ?? `It has ${listed(places.map(nameOf), 'and')}; ids such as p1.1 will do too.`,
    });
  }
  if (second !== undefined) {
    throw new OutriderError('request-invalid', `Several steps are called "${reference}"`, {
      hint: `Say which one: ${listed(
        named.map((place) => `${nameOf(place)} (${place.step.id})`),
        'or',
      )}.`,
    });
  }
  return only;
}

function nameOf(place: StepPlace): string {
  return `${place.phase.name}/${place.step.name}`;
}

function same(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
