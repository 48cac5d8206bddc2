import type { World } from '../world/world.ts';
import type { QuotaName } from './quotas.ts';

/** What a handler may use beside its input. */
export interface CallContext {
  readonly world: World;
  /** From the request's signature; empty when it could not be read. */
  readonly accessKeyId: string;
}

/** One AWS operation. `run` throws AwsError to refuse; it must refuse before it changes anything. */
export interface Operation {
  readonly name: string;
  readonly mutates: boolean;
  readonly quota: QuotaName;
  /**
   * `input` must have passed the operation's input shape. Declared as a method on purpose: a handler states the type of
   * its own input, and the shape that the server checks first is what makes it true.
   */
  run(context: CallContext, input: object): object;
}

/** Defines an operation. */
export function defineOperation(
  name: string,
  settings: { readonly mutates: boolean; readonly quota: QuotaName },
  run: Operation['run'],
): Operation {
  return { name, ...settings, run };
}
