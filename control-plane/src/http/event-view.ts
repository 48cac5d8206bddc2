import type { EventBody } from '@outrider/shared/api/schemas.ts';
import type { JsonObject } from '@outrider/shared/json.ts';
import type { ExecutionEvent, RecordedEvent } from '../domain/execution/events.ts';
import type { ExecutionPlan } from '../domain/planning/plan.ts';
import { stepsOfPhase } from '../domain/planning/walk.ts';

/** An event as the API tells it: what happened, without the documents that only the control plane needs. */
export function eventView({ seq, atMs, event }: RecordedEvent): EventBody {
  return { seq, at: new Date(atMs).toISOString(), ...fieldsOf(event, atMs) };
}

function fieldsOf(event: ExecutionEvent, atMs: number): { type: string } & Readonly<Record<string, unknown>> {
  switch (event.type) {
    case 'execution-created': {
      const { plan, ...rest } = event;
      return { ...rest, workflow: plan.workflow, phases: phaseNames(plan) };
    }
    case 'step-queued': {
      const { task, notBeforeMs, ...rest } = event;
      const input: JsonObject = task.with;
      return {
        ...rest,
        phase: task.phaseName,
        step: task.stepName,
        stepType: task.type,
        input,
        ...notBefore(notBeforeMs, atMs),
      };
    }
    default:
      return { ...event };
  }
}

function phaseNames(plan: ExecutionPlan) {
  return plan.phases.map((phase) => ({
    name: phase.name,
    steps: stepsOfPhase(phase).map(({ id, name, type }) => ({ id, name, type })),
  }));
}

/** Only for a retry that waits. */
function notBefore(notBeforeMs: number, atMs: number) {
  return notBeforeMs > atMs ? { notBefore: new Date(notBeforeMs).toISOString() } : {};
}
