import { createHash } from 'node:crypto';
import { type Fault, type ImageFault, matches } from './faults.ts';
import type { World } from './world.ts';

/**
 * Images that misbehave without any fault being set, by their tag, so that failures can be tried by hand:
 * `broken` or `does-not-exist` in the reference cannot be pulled, `crash`/`crash-N` exits (with code N), `exit-N` ends by
 * itself with code N, `oom` runs out of memory, `unhealthy` fails its health checks.
 */
function builtInBehaviour(image: string): ImageFault | undefined {
  const tag = tagOf(image);
  if (tag === 'broken' || image.includes('does-not-exist')) return { kind: 'image-pull-failure', image };
  const ending = /^(?:crash|exit)(?:-(\d{1,3}))?$/.exec(tag);
  if (ending !== null) {
    const crash = tag.startsWith('crash');
    return { kind: 'crash', image, exitCode: Number(ending[1] ?? (crash ? 1 : 0)), afterSeconds: crash ? 5 : 10 };
  }
  if (tag === 'oom') return { kind: 'out-of-memory', image };
  if (tag === 'unhealthy') return { kind: 'container-unhealthy', image };
  return undefined;
}

const AT_START = ['image-pull-failure', 'start-failure'] as const;
const WHEN_RUNNING = ['crash', 'out-of-memory', 'container-unhealthy'] as const;

/** Whether, and how, a container of this image fails to start. Counts the fault as struck. */
export function startBehaviour(
  world: World,
  image: string,
): Extract<Fault, { kind: (typeof AT_START)[number] }> | undefined {
  const struck = world.faults.strike(AT_START, (fault) => matches(fault.image, image))?.fault;
  if (struck !== undefined) return struck;
  const own = builtInBehaviour(image);
  return own?.kind === 'image-pull-failure' ? own : undefined;
}

/** What happens to a container of this image once it runs. Counts the fault as struck. */
export function runningBehaviour(
  world: World,
  image: string,
): Extract<Fault, { kind: (typeof WHEN_RUNNING)[number] }> | undefined {
  const struck = world.faults.strike(WHEN_RUNNING, (fault) => matches(fault.image, image))?.fault;
  if (struck !== undefined) return struck;
  const own = builtInBehaviour(image);
  return own?.kind === 'crash' || own?.kind === 'out-of-memory' || own?.kind === 'container-unhealthy'
    ? own
    : undefined;
}

/** Whether load balancer probes of a container of this image fail now. */
export function targetBehaviour(world: World, image: string): Extract<Fault, { kind: 'target-unhealthy' }> | undefined {
  const struck = world.faults.strike(['target-unhealthy'], (fault) => matches(fault.image, image))?.fault;
  if (struck !== undefined) return struck;
  return tagOf(image) === 'unhealthy' ? { kind: 'target-unhealthy', image } : undefined;
}

/** The text of AWS for an image that the registry does not have. */
export function pullFailureMessage(image: string): string {
  const [first = ''] = image.split('/');
  const hasRegistry = image.includes('/') && (first.includes('.') || first.includes(':') || first === 'localhost');
  const path = image.includes('/') ? image : `library/${image}`;
  const reference = hasRegistry ? image : `docker.io/${path}`;
  return (
    'CannotPullContainerError: pull image manifest has been retried 1 time(s): ' +
    `failed to resolve ref ${reference}: ${reference}: not found`
  );
}

/** A digest that is always the same for one image reference. */
export function digestOf(image: string): string {
  const pinned = /@(sha256:[0-9a-f]{64})$/.exec(image)?.[1];
  return pinned ?? `sha256:${createHash('sha256').update(image).digest('hex')}`;
}

function tagOf(image: string): string {
  const name = image.split('@')[0] ?? image;
  const colon = name.lastIndexOf(':');
  return colon > name.lastIndexOf('/') ? name.slice(colon + 1) : 'latest';
}
