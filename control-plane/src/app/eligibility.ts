import { OutriderError, type Problem } from '@outrider/shared/errors.ts';
import { type DelegateView, matchDelegates } from '../domain/fleet/match.ts';
import type { ExecutionPlan } from '../domain/planning/plan.ts';
import { allSteps } from '../domain/planning/walk.ts';

/**
 * Sees that for every step, of the rollback too, there is a delegate that may take it now. Otherwise the operator is
 * told at once, delegate by delegate, instead of waiting for nobody.
 * @throws no-eligible-delegate
 */
export function requireDelegates(plan: ExecutionPlan, fleet: readonly DelegateView[]): void {
  const problems: Problem[] = [];
  const lacking: string[] = [];
  let selected = false;
  for (const { selectors, stepTypes } of needsOf(plan)) {
    const matches = stepTypes.map((stepType) => matchDelegates({ selectors, stepType }, fleet));
    const failing = stepTypes.filter((_, index) => matches[index]?.eligible.length === 0);
    if (failing.length === 0) continue;
    lacking.push(stepsText(selectors));
    selected ||= selectors.length > 0;
    for (const delegate of fleet) {
      const reasons = matches.flatMap(
        (match) => match.ineligible.find((candidate) => candidate.name === delegate.name)?.reasons ?? [],
      );
      if (reasons.length === 0) continue;
      const message = `${delegate.name} cannot take ${stepsText(selectors)}: ${[...new Set(reasons)].join('; ')}`;
      problems.push({ message });
    }
  }
  if (lacking.length === 0) return;
  const nobody = fleet.length === 0 ? '; no delegate has joined yet' : '';
  throw new OutriderError('no-eligible-delegate', `No delegate can take ${lacking.join(', nor ')}${nobody}`, {
    problems,
    hint:
      fleet.length === 0
        ? 'Make a join token with `outrider tokens create` and start a delegate with it.'
        : selected
          ? 'Start a delegate that has all of the tags, or change the selectors of the infrastructure or step.'
          : 'Start a delegate, or see in the log of one that runs why it cannot.',
  });
}

/** Each set of selectors once, with the step types that are asked of it. */
function needsOf(plan: ExecutionPlan) {
  const needs = new Map<string, { readonly selectors: readonly string[]; readonly stepTypes: string[] }>();
  for (const step of allSteps(plan)) {
    const selectors = step.delegateSelectors.toSorted();
    const key = selectors.join('\n');
    const need = needs.get(key) ?? { selectors, stepTypes: [] };
    if (!need.stepTypes.includes(step.type)) need.stepTypes.push(step.type);
    needs.set(key, need);
  }
  return needs.values();
}

function stepsText(selectors: readonly string[]): string {
  if (selectors.length === 0) return 'the steps, which ask for no tags';
  return `steps for the selector${selectors.length === 1 ? '' : 's'} ${selectors.join(' and ')}`;
}
