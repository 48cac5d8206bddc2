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
  /** `input` must have passed the operation's input shape. */
  run(context: CallContext, input: unknown): object;
}

/** Defines an operation. The server calls `run` only with input that passed the model of that operation: hence the type. */
export function defineOperation<Input>(
  name: string,
  settings: { readonly mutates: boolean; readonly quota: QuotaName },
  handler: (context: CallContext, input: Input) => object,
): Operation {
  return { name, ...settings, run: (context, input) => handler(context, input as Input) };
}
