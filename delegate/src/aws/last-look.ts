import { AsyncLocalStorage } from 'node:async_hooks';
import type { MutationGate } from './mutation-gate.ts';

/** The request was not sent: between the gate's permit and the wire so much time passed that the lease does not cover it any more. */
export class PermitLapsed extends Error {}

interface Permitted {
  readonly gate: MutationGate;
  readonly callMs: number;
}

const current = new AsyncLocalStorage<Permitted>();

/** Runs one mutating call; its request leaves only if the gate still says yes when it has been signed. */
export function withLastLook<T>(gate: MutationGate, callMs: number, send: () => Promise<T>): Promise<T> {
  return current.run({ gate, callMs }, send);
}

/** Throws PermitLapsed when the request of a mutating call may not leave any more. */
export function lookOnceMore(): void {
  const permitted = current.getStore();
  if (permitted !== undefined && !permitted.gate.holds(permitted.callMs)) {
    throw new PermitLapsed('The lease does not cover the call any more; it was not sent');
  }
}

/** What of an SDK client takes a middleware. */
interface MiddlewareTaker {
  readonly middlewareStack: {
    add(
      middleware: <Given, Answer>(next: (given: Given) => Promise<Answer>) => (given: Given) => Promise<Answer>,
      options: { readonly step: 'deserialize'; readonly priority: 'low'; readonly name: string },
    ): void;
  };
}

/**
 * The last thing a client does before a request leaves, behind credentials, which may take seconds to come, and behind
 * the signature: a process that stood still in between has lost its lease and must not send.
 */
export function looksOnceMore<Client extends MiddlewareTaker>(client: Client): Client {
  client.middlewareStack.add(
    (next) => async (given) => {
      lookOnceMore();
      return await next(given);
    },
    { step: 'deserialize', priority: 'low', name: 'outriderLastLook' },
  );
  return client;
}
