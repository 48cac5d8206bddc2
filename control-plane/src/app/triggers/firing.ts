import { OutriderError } from '@outrider/shared/errors.ts';
import type { Json } from '@outrider/shared/json.ts';
import type { Executions, StartedExecution, StartRequest } from '../executions-port.ts';
import type { KeyStore } from '../ports.ts';
import type { TriggerRow } from './ports.ts';

/** What a caller adds to what the trigger says. */
export interface FiringWish {
  readonly artifacts: Readonly<Record<string, string>>;
  readonly variables: Readonly<Record<string, Json>>;
  readonly reason?: string | undefined;
  readonly idempotencyKey?: string | undefined;
}

export interface FiringDependencies {
  readonly executions: Pick<Executions, 'start'>;
  readonly store: Pick<KeyStore, 'findApiKey'>;
  /** False in insecure loopback mode, where nobody has a key. */
  readonly keysAsked: boolean;
}

/** As history names it. */
export function starterOf({ application, name }: Pick<TriggerRow, 'application' | 'name'>): string {
  return `trigger ${application}/${name}`;
}

/**
 * Starts the workflow of a trigger, with no more rights than its maker has: it waits its turn and needs delegates as any
 * other start. @throws not-permitted, request-invalid, and what a start throws
 */
export async function fire(
  dependencies: FiringDependencies,
  trigger: TriggerRow,
  wish: FiringWish,
): Promise<StartedExecution> {
  await requireStanding(dependencies, trigger);
  const request: StartRequest = {
    workflow: trigger.workflow,
    application: trigger.application,
    artifacts: together('artifact', trigger, trigger.artifacts, wish.artifacts),
    variables: together('variable', trigger, trigger.variables, wish.variables),
    reason: wish.reason,
    idempotencyKey: wish.idempotencyKey,
  };
  return await dependencies.executions.start(request, { name: starterOf(trigger) });
}

const MAX_REASON_LENGTH = 1_000;

/** Why a start was refused, with all that was found, as a firing keeps it. */
export function refusalText(error: OutriderError): string {
  const found = error.problems.length < 2 ? [] : error.problems.map(({ message }) => message);
  return [error.message, ...found].join('; ').slice(0, MAX_REASON_LENGTH);
}

/** Who gave it its power must still have it. A key that merely ran out does not stop what it was used to set up. */
async function requireStanding({ store, keysAsked }: FiringDependencies, trigger: TriggerRow): Promise<void> {
  const { application, name, keyId } = trigger;
  const hint = `Save it again with a key that is good: PUT /v1/triggers/${encodeURIComponent(name)}?application=${encodeURIComponent(application)}.`;
  if (!trigger.enabled) {
    throw new OutriderError('not-allowed-now', `The trigger ${application}/${name} is switched off`, {
      hint: 'Switch it on first: PUT it with "enabled": true.',
    });
  }
  if (!keysAsked) return;
  if (keyId === null) {
    throw new OutriderError('not-permitted', `The trigger ${application}/${name} was made without a key`, { hint });
  }
  const key = await store.findApiKey(keyId);
  if (key !== undefined && key.revokedAtMs === null) return;
  throw new OutriderError('not-permitted', `The key that made the trigger ${application}/${name} was revoked`, {
    hint,
  });
}

function together<Value>(
  what: string,
  { application, name }: TriggerRow,
  fixed: Readonly<Record<string, Value>>,
  given: Readonly<Record<string, Value>>,
): Readonly<Record<string, Value>> {
  const taken = Object.keys(given).filter((key) => Object.hasOwn(fixed, key));
  if (taken.length === 0) return { ...fixed, ...given };
  throw new OutriderError(
    'request-invalid',
    `The trigger ${application}/${name} fixes the ${what} ${taken.join(', ')}`,
    {
      hint: 'Leave it out, or take it out of the trigger.',
    },
  );
}
