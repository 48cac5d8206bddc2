import type { ExecutionBody, ServiceCountsBody } from '@outrider/shared/api/schemas.ts';
import { isJsonObject } from '@outrider/shared/json.ts';
import { z } from 'zod';

const desired = z.object({ name: z.string(), desired: z.number().int() });
/** What the steps' outputs say of services; a step of another kind says none of it. */
const resized = z.object({ newService: desired, oldServices: z.array(desired) });
const setUp = z.object({ serviceName: z.string(), previous: z.array(desired) });
const rolled = z.object({ serviceName: z.string(), desired: z.number().int() });
const daemon = z.object({ serviceName: z.string(), containers: z.array(z.unknown()) });
const removed = z.object({ serviceName: z.string(), deleted: z.literal(true) });
const canaryMade = z.object({ canaryServiceName: z.string(), serviceArn: z.string() });
const canaryGone = z.object({ canaryServiceName: z.string(), canaryDeleted: z.boolean() });

/** What an execution left of a service, as far as its steps told. */
export interface ServiceResult {
  readonly name: string;
  /** Tasks wanted; null: the service is gone. */
  readonly desired: number | null;
}

/** The services that outputs of steps name and what they were left at, in the order in which they were first named. */
export function servicesLeft(outputs: readonly unknown[]): ServiceResult[] {
  const left = new Map<string, number | null>();
  for (const output of outputs) {
    if (isJsonObject(output)) note(output, left);
  }
  return [...left].map(([name, count]) => ({ name, desired: count }));
}

function note(output: unknown, left: Map<string, number | null>): void {
  const resize = resized.safeParse(output).data;
  if (resize !== undefined) {
    for (const service of [...resize.oldServices, resize.newService]) left.set(service.name, service.desired);
    return;
  }
  const setup = setUp.safeParse(output).data;
  if (setup !== undefined) {
    for (const service of setup.previous) left.set(service.name, service.desired);
    left.set(setup.serviceName, 0);
    return;
  }
  const rolling = rolled.safeParse(output).data;
  if (rolling !== undefined) left.set(rolling.serviceName, rolling.desired);
  const onEach = daemon.safeParse(output).data;
  if (onEach !== undefined) left.set(onEach.serviceName, onEach.containers.length);
  const gone = removed.safeParse(output).data;
  if (gone !== undefined) left.set(gone.serviceName, null);
  const canary = canaryMade.safeParse(output).data;
  if (canary !== undefined) left.set(canary.canaryServiceName, 1);
  const deleted = canaryGone.safeParse(output).data;
  if (deleted !== undefined) left.set(deleted.canaryServiceName, deleted.canaryDeleted ? null : 1);
}

/** `shop__3 runs 2 · shop__4 is at 0` */
export function servicesLeftText(results: readonly ServiceResult[]): string {
  return results
    .map(({ name, desired: count }) => {
      if (count === null) return `${name} is deleted`;
      return count === 0 ? `${name} is at 0` : `${name} runs ${count}`;
    })
    .join(' · ');
}

/** The newest counts that a running step reported: new services first. */
export function liveCounts(execution: ExecutionBody): readonly ServiceCountsBody[] {
  const running = execution.phases.flatMap((phase) => phase.steps).filter((step) => step.status === 'running');
  const counts = running.flatMap((step) => step.counts ?? []);
  return counts.toSorted((a, b) => (a.role === b.role ? 0 : a.role === 'new' ? -1 : 1));
}

/** `new 1/2 old 2/2` */
export function countsText(counts: readonly ServiceCountsBody[]): string {
  return counts.map(({ role, running, desired: wanted }) => `${role} ${running}/${wanted}`).join(' ');
}
