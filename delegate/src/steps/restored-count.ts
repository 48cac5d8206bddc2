import type { ServiceDesired } from '@outrider/shared/steps/target.ts';

/**
 * How many instances each old version gets back: what was recorded, or what it has now where that is more (auto scaling
 * may have grown it meanwhile). `outgrown` are instances the new version gained beyond what this deployment gave it: load
 * that the newest old version has to take over.
 */
export function restoredCount(input: {
  readonly recorded: readonly ServiceDesired[];
  readonly live: (name: string) => number;
  readonly outgrown: number;
}): ServiceDesired[] {
  const last = input.recorded.length - 1;
  return input.recorded.map(({ name, desired }, index) => ({
    name,
    desired: Math.max(desired, input.live(name)) + (index === last ? input.outgrown : 0),
  }));
}
