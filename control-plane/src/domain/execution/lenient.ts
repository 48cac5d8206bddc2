import { pointerStep } from '@outrider/shared/expressions/render.ts';
import { LENIENT_FIELDS } from '@outrider/shared/steps/ecs-service-setup.ts';

/** JSON pointers into a step's `with`, of texts whose expressions may fail: they become null. */
export function lenientPointers(stepType: string): readonly string[] {
  return (LENIENT_FIELDS[stepType] ?? []).map(pointerStep);
}
