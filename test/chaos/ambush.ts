import type { CallInterceptor } from '@outrider/simulator/wire/interceptor.ts';

/** Where a delegate stands with a change of AWS: about to have its effect, or done and not answered. */
export type Moment = 'arrived' | 'answered';

export interface Strike {
  readonly moment: Moment;
  /** Whom the call is from, as its access key says. Whatever is done is done before the call goes on. */
  strike(caller: string): void;
  /** Whether the caller would hear nothing of its call either. */
  readonly drop: boolean;
}

/** Waits for the worst moment: the next change of AWS, or the next request of an operator. */
export interface Ambush {
  readonly interceptor: CallInterceptor;
  /** Changes of AWS so far: how far the deployments have come. */
  readonly changes: () => number;
  /** Strikes at the next change; false: none came in time. */
  atNextChange(strike: Strike, withinMs: number): Promise<boolean>;
  /** Operators tell of each request that they are about to send; true: its answer is to be lost on the way. */
  requestSent(): boolean;
  /** `strike` answers whether the request's answer is to be lost. */
  atNextRequest(strike: () => boolean, withinMs: number): Promise<boolean>;
}

export function createAmbush(): Ambush {
  const changes: (Strike & { readonly struck: () => void })[] = [];
  const requests: (() => boolean)[] = [];
  let answered = 0;
  const meet = (moment: Moment, call: { readonly mutates: boolean; readonly accessKeyId: string }) => {
    if (call.mutates && moment === 'answered') answered += 1;
    const place = changes.findIndex((armed) => armed.moment === moment);
    const armed = call.mutates ? changes[place] : undefined;
    if (armed === undefined) return 'go-on';
    changes.splice(place, 1);
    armed.strike(call.accessKeyId);
    armed.struck();
    return armed.drop ? 'drop' : 'go-on';
  };
  return {
    interceptor: {
      arrived: async (call) => meet('arrived', call),
      answered: async (call) => meet('answered', call),
    },
    changes: () => answered,
    atNextChange: (strike, withinMs) =>
      armedFor(withinMs, (struck) => {
        const armed = { ...strike, struck };
        changes.push(armed);
        return () => remove(changes, armed);
      }),
    requestSent: () => requests.shift()?.() ?? false,
    atNextRequest: (strike, withinMs) =>
      armedFor(withinMs, (struck) => {
        const armed = () => {
          struck();
          return strike();
        };
        requests.push(armed);
        return () => remove(requests, armed);
      }),
  };
}

async function armedFor(withinMs: number, arm: (struck: () => void) => () => void): Promise<boolean> {
  return await new Promise((resolve) => {
    const timer = setTimeout(() => {
      disarm();
      resolve(false);
    }, withinMs);
    const disarm = arm(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}

function remove<T>(list: T[], one: T): void {
  const place = list.indexOf(one);
  if (place >= 0) list.splice(place, 1);
}
