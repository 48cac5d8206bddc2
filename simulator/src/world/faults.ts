/** What can go wrong on demand. Patterns match a substring, or the whole value where they hold a `*`. */
export type Fault = CallFault | ImageFault | WorldFault;

interface Limited {
  /** How often the fault strikes before it is spent; without a limit it stays until it is removed. At most 1,000,000. */
  readonly count?: number;
  /** How many occasions pass unharmed before the fault strikes for the first time; default 0. */
  readonly after?: number;
}

/**
 * Where a call waits: `request` (the default) before its effect, which never comes if the caller hangs up meanwhile; `response`
 * after its effect.
 */
export type WaitingPoint = 'request' | 'response';

/** Faults of an API call; `operation` and `resource` limit where they strike. */
export type CallFault = Limited & {
  /** `CreateService`, `ecs:CreateService` or `ecs:*`; every operation when left out. */
  readonly operation?: string;
  /** A pattern over the request's JSON text, such as a service's name; every request when left out. */
  readonly resource?: string;
} & (
    | { readonly kind: 'throttle' }
    | { readonly kind: 'server-error'; readonly status?: number }
    | { readonly kind: 'error'; readonly code: string; readonly message: string; readonly status?: number }
    /** The effect happens, then the connection breaks without an answer. */
    | { readonly kind: 'lost-response' }
    /** The connection breaks before anything happened. */
    | { readonly kind: 'lost-request' }
    /** Real milliseconds of waiting, at most 600,000. */
    | { readonly kind: 'delay'; readonly milliseconds: number; readonly point?: WaitingPoint }
    /** Waits until the fault is removed or the caller hangs up. */
    | { readonly kind: 'freeze'; readonly point?: WaitingPoint }
    /** DescribeServices does not show services younger than this many simulated seconds. */
    | { readonly kind: 'stale-read'; readonly seconds: number }
  );

/** Faults of containers whose image reference matches. `count` counts tasks. */
export type ImageFault = Limited & {
  /** A pattern over the image reference. */
  readonly image: string;
} & (
    | { readonly kind: 'image-pull-failure'; readonly message?: string }
    | { readonly kind: 'start-failure'; readonly stoppedReason: string; readonly containerReason?: string }
    /**
     * The essential container exits with this code after it ran this many simulated seconds (default 5); `output` is what it
     * writes to its log before, one line or several.
     */
    | { readonly kind: 'crash'; readonly exitCode?: number; readonly afterSeconds?: number; readonly output?: string }
    | { readonly kind: 'out-of-memory'; readonly afterSeconds?: number }
    /** The container's own health check fails; without a health check in the task definition nothing happens. */
    | { readonly kind: 'container-unhealthy' }
    /** Load balancer health checks of its targets fail. */
    | { readonly kind: 'target-unhealthy'; readonly reason?: 'response-code' | 'timeout' }
  );

export type WorldFault = Limited &
  (
    | { readonly kind: 'no-capacity'; readonly cluster?: string; readonly message?: string }
    /**
     * The scheduler cannot place a task, on EC2 or Fargate: `text` goes on after `was unable to place a task`, for the events
     * that the world does not come to by itself (`because … encountered error "RESOURCE:ENI".`).
     */
    | { readonly kind: 'placement-failure'; readonly cluster?: string; readonly text: string }
    /** The ECS agent endpoint of matching instances (id, EC2 id or address) does not answer. */
    | { readonly kind: 'agent-blocked'; readonly instance?: string }
    /** An autoscaler that acts on matching services: sets `desired`, or pulls the count back into [min, max]. */
    | {
        readonly kind: 'autoscaler';
        readonly service: string;
        readonly desired?: number;
        /** Simulated seconds between its acts; default 60. */
        readonly everySeconds?: number;
      }
  );

export type FaultKind = Fault['kind'];

export interface ActiveFault {
  readonly id: string;
  readonly fault: Fault;
  /** Occasions that were let pass because of `after`. */
  passed: number;
  struck: number;
}

/** The faults in force. Spent ones disappear. */
export class FaultBook {
  readonly #faults = new Map<string, ActiveFault>();
  readonly #waiters = new Map<string, (() => void)[]>();
  #next = 1;

  /** Faults kept at most; more are refused. */
  static readonly LIMIT = 1_000;

  add(fault: Fault): string {
    if (this.#faults.size >= FaultBook.LIMIT) throw new RangeError(`At most ${FaultBook.LIMIT} faults can be in force`);
    const id = `fault-${this.#next++}`;
    this.#faults.set(id, { id, fault, passed: 0, struck: 0 });
    return id;
  }

  remove(id: string): boolean {
    const known = this.#faults.delete(id);
    for (const resume of this.#waiters.get(id) ?? []) resume();
    this.#waiters.delete(id);
    return known;
  }

  clear(): void {
    for (const id of new Set([...this.#faults.keys(), ...this.#waiters.keys()])) this.remove(id);
  }

  /** Calls back once the fault is removed by hand; a spent one still holds its last victim until then. */
  whenRemoved(id: string, resume: () => void): void {
    this.#waiters.set(id, [...(this.#waiters.get(id) ?? []), resume]);
  }

  has(id: string): boolean {
    return this.#faults.has(id);
  }

  get(id: string): Fault | undefined {
    return this.#faults.get(id)?.fault;
  }

  list(): ActiveFault[] {
    return [...this.#faults.values()];
  }

  /** The first fault of one of these kinds that applies, counted as struck. */
  strike<Kind extends FaultKind>(
    kinds: readonly Kind[],
    applies: (fault: Extract<Fault, { kind: Kind }>) => boolean,
  ): { id: string; fault: Extract<Fault, { kind: Kind }> } | undefined {
    for (const active of this.#faults.values()) {
      const { fault } = active;
      if (!isOfKind(fault, kinds) || !applies(fault)) continue;
      if (active.passed < (fault.after ?? 0)) {
        active.passed += 1;
        continue;
      }
      active.struck += 1;
      if (fault.count !== undefined && active.struck >= fault.count) this.#faults.delete(active.id);
      return { id: active.id, fault };
    }
    return undefined;
  }
}

/** Substring match, or whole match where the pattern holds a `*`. */
export function matches(pattern: string | undefined, value: string): boolean {
  if (pattern === undefined) return true;
  if (!pattern.includes('*')) return value.includes(pattern);
  const escaped = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${escaped.join('.*')}$`, 's').test(value);
}

function isOfKind<Kind extends FaultKind>(
  fault: Fault,
  kinds: readonly Kind[],
): fault is Extract<Fault, { kind: Kind }> {
  return kinds.some((kind) => kind === fault.kind);
}
