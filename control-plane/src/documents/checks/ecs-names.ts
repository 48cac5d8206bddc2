import type { Scope } from '@outrider/shared/expressions/evaluate.ts';
import { expressionsIn, render } from '@outrider/shared/expressions/render.ts';
import type { Json } from '@outrider/shared/json.ts';
import { rootNames } from '../../domain/planning/check-expressions.ts';
import { checkEcsNames } from '../../domain/planning/ecs-names.ts';
import type { PlanProblem } from '../../domain/planning/problems.ts';
import { type Deployment, sampleScope } from './sample-scope.ts';

/** What an expression may name so that its value is known before a run. */
const FIXED_ROOTS = ['app', 'service', 'env', 'infra'];

/** Names that ECS would refuse are refused when they are known, which is nearly always before the run. */
export function checkFixedNames(deployment: Deployment): readonly PlanProblem[] {
  return deployment.phases.flatMap((phase) => {
    const scope = sampleScope(deployment, phase);
    return checkEcsNames(phase, deployment.environment.metadata.name, (text) => fixedText(text, scope));
  });
}

/** The text when it depends on nothing that a run decides. */
function fixedText(value: Json, scope: Scope): string | undefined {
  const { expressions, problems } = expressionsIn(value);
  const isFixed = expressions.every((found) => rootNames(found.expression).every((name) => FIXED_ROOTS.includes(name)));
  if (problems.length > 0 || !isFixed) return undefined;
  const rendered = render(value, scope);
  return 'value' in rendered && typeof rendered.value === 'string' ? rendered.value : undefined;
}
