import type { ServiceState } from './state.ts';
import type { World } from './world.ts';

/** DescribeServices shows the 100 newest events. */
const EVENTS_KEPT = 100;

/** Adds an event in AWS's form, `(service NAME) …`. */
export function addServiceEvent(world: World, service: ServiceState, text: string): void {
  service.events.unshift({ id: world.uuid(), createdAt: world.now, message: `(service ${service.name}) ${text}` });
  if (service.events.length > EVENTS_KEPT) service.events.length = EVENTS_KEPT;
}

/** Adds a problem's event once: the same problem is silent until something else happened to the service's placement. */
export function announceProblem(world: World, service: ServiceState, text: string): void {
  if (service.announcedProblem === text) return;
  service.announcedProblem = text;
  addServiceEvent(world, service, text);
}

/** `(task a) (task b)`, as the started and stopped events list them. */
export function taskList(ids: readonly string[]): string {
  return ids.map((id) => `(task ${id})`).join(' ');
}

/** AWS points to this guide at the end of placement failures. */
export const TROUBLESHOOTING =
  'For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.';
