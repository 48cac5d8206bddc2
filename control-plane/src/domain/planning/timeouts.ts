import type { Scope } from '@outrider/shared/expressions/evaluate.ts';
import { render } from '@outrider/shared/expressions/render.ts';
import type { Json } from '@outrider/shared/json.ts';
import { DEFAULT_RUN_TASK_TIMEOUT_MINUTES } from '@outrider/shared/steps/ecs-run-task.ts';
import { DEFAULT_STEADY_STATE_TIMEOUT_MINUTES } from '@outrider/shared/steps/ecs-service-setup.ts';
import { httpCheckSeconds } from '@outrider/shared/steps/http-check.ts';
import { STEP_SPECS } from '@outrider/shared/steps/index.ts';
import { WAIT_LIMIT_SECONDS } from '@outrider/shared/steps/wait.ts';
import type { OutlinedStep } from './outline.ts';

/** Added to every limit that is derived: for what comes before and after the waiting. */
const MARGIN_SECONDS = 300;
/**
 * A resize waits for running tasks (70 % of the steady state timeout) and then for the steady state, for the new
 * version and for the old one. The step itself gives up with a reason at its steady state timeout; this limit is the
 * one behind it.
 */
const RESIZE_WAITS = 2 * 1.7;

/**
 * Limit of a whole step in seconds: what the workflow says, else what the step's own timeout needs.
 * `steadyMinutes` is that of the setup that the step's phase uses.
 */
export function timeoutSeconds(step: OutlinedStep, steadyMinutes: number, scope: Scope): number {
  if (step.timeoutSeconds !== undefined) return step.timeoutSeconds;
  switch (step.type) {
    case 'ecs-service-setup':
    case 'ecs-daemon-service-setup':
      return steadySeconds(steadyMinutesOf(step, scope)) + MARGIN_SECONDS;
    case 'ecs-upgrade-containers':
    case 'ecs-rollback-containers':
    case 'ecs-daemon-rollback':
      return Math.ceil(steadySeconds(steadyMinutes) * RESIZE_WAITS) + MARGIN_SECONDS;
    case 'ecs-steady-state-check':
      return Math.ceil((numberOf(step.with['timeoutMilliseconds'], scope) ?? 600_000) / 1000) + MARGIN_SECONDS;
    case 'ecs-run-task':
      return steadySeconds(runTaskMinutesOf(step)) + MARGIN_SECONDS;
    case 'wait':
      return Math.ceil(numberOf(step.with['durationSeconds'], scope) ?? WAIT_LIMIT_SECONDS) + MARGIN_SECONDS;
    case 'http-check':
      return httpCheckSeconds((field) => numberOf(step.with[field], scope)) + MARGIN_SECONDS;
    default:
      return STEP_SPECS[step.type].defaultTimeoutSeconds;
  }
}

/** Minutes that a setup gives; 10 where its expression does not resolve now, is no number or not above 0. */
export function steadyMinutesOf(setup: OutlinedStep | undefined, scope: Scope): number {
  const minutes = numberOf(setup?.with['steadyStateTimeoutMinutes'], scope);
  return minutes !== undefined && minutes > 0 ? Math.min(minutes, 1_440) : DEFAULT_STEADY_STATE_TIMEOUT_MINUTES;
}

/** It takes no expressions. */
function runTaskMinutesOf(step: OutlinedStep): number {
  const minutes = step.with['steadyStateTimeoutMinutes'];
  return typeof minutes === 'number' ? minutes : DEFAULT_RUN_TASK_TIMEOUT_MINUTES;
}

function steadySeconds(minutes: number): number {
  return Math.ceil(minutes * 60);
}

function numberOf(value: Json | undefined, scope: Scope): number | undefined {
  if (value === undefined) return undefined;
  const rendered = render(value, scope);
  if ('problems' in rendered) return undefined;
  const number = typeof rendered.value === 'string' ? Number(rendered.value.trim() || Number.NaN) : rendered.value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}
