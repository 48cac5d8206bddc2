/** AWS's published request quotas per account and region: burst size and tokens per second of simulated time. */
export const QUOTAS = {
  'ecs cluster modify': { burst: 20, perSecond: 1 },
  'ecs cluster read': { burst: 50, perSecond: 20 },
  'ecs task definition modify': { burst: 20, perSecond: 1 },
  'ecs task definition read': { burst: 50, perSecond: 20 },
  'ecs tag modify': { burst: 20, perSecond: 10 },
  'ecs tag read': { burst: 50, perSecond: 20 },
  'ecs cluster resource modify': { burst: 100, perSecond: 40 },
  'ecs cluster resource read': { burst: 100, perSecond: 20 },
  'ecs service modify': { burst: 50, perSecond: 5 },
  'ecs service read': { burst: 100, perSecond: 20 },
  'ecs service deployment': { burst: 50, perSecond: 20 },
  'elb all': { burst: 40, perSecond: 10 },
  'elb read': { burst: 40, perSecond: 10 },
  'elb modify': { burst: 20, perSecond: 3 },
  'elb registration': { burst: 20, perSecond: 4 },
  'elb resource-intensive': { burst: 10, perSecond: 0.2 },
  'ec2 filtered read': { burst: 100, perSecond: 20 },
  'ec2 unfiltered read': { burst: 50, perSecond: 10 },
  /** Not published; a cautious guess. */
  autoscaling: { burst: 50, perSecond: 10 },
  /** 25 a second in most regions; the smaller figure of the large ones. */
  'logs read': { burst: 10, perSecond: 10 },
  sts: { burst: 600, perSecond: 600 },
} as const satisfies Record<string, { readonly burst: number; readonly perSecond: number }>;

export type QuotaName = keyof typeof QUOTAS;

/** Token buckets that refill as simulated time passes. */
export class Quotas {
  readonly #buckets = new Map<QuotaName, { tokens: number; at: number }>();

  /** Takes one token from each bucket, or none at all and false when one of them is empty. */
  take(names: readonly QuotaName[], now: number): boolean {
    const buckets = names.map((name) => this.#refilled(name, now));
    if (buckets.some((bucket) => bucket.tokens < 1)) return false;
    for (const bucket of buckets) bucket.tokens -= 1;
    return true;
  }

  #refilled(name: QuotaName, now: number): { tokens: number; at: number } {
    const { burst, perSecond } = QUOTAS[name];
    const bucket = this.#buckets.get(name) ?? { tokens: burst, at: now };
    bucket.tokens = Math.min(burst, bucket.tokens + (Math.max(0, now - bucket.at) * perSecond) / 1000);
    bucket.at = now;
    this.#buckets.set(name, bucket);
    return bucket;
  }
}
