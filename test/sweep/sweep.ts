import type { Bench } from './bench.ts';
import { differences } from './compare.ts';
import { canonical, type Place, placeText, type RecordedCall } from './places.ts';
import type { Scene } from './stories.ts';

/** What came of the places of one story. */
export interface Swept {
  readonly name: string;
  readonly type: string;
  readonly calls: readonly RecordedCall[];
  readonly results: readonly { readonly place: Place; readonly differences: readonly string[] }[];
}

/** Runs a step once to its end, and then once for each place with the delegate killed there (once where two
 * places are one: after a call, and before the one that follows it); `ran` hears of each of those. */
export async function sweep(
  bench: Bench,
  scene: Scene,
  choose: (calls: readonly RecordedCall[]) => readonly Place[],
  ran: () => void = () => undefined,
): Promise<Swept> {
  const whole = await bench.run(scene, undefined);
  const results: { place: Place; differences: readonly string[] }[] = [];
  const known = new Map<string, readonly string[]>();
  for (const place of choose(whole.calls)) {
    const run = canonical(place, whole.calls);
    const name = placeText(run, whole.calls);
    const lines = known.get(name) ?? (await found(() => bench.run(scene, run), whole, run));
    known.set(name, lines);
    results.push({ place, differences: lines });
    ran();
  }
  return { name: scene.name, type: scene.task.type, calls: whole.calls, results };
}

/** One paragraph for each place at which something was left different. */
export function complaints({ calls, results }: Swept): string[] {
  return results
    .filter((result) => result.differences.length > 0)
    .map(({ place, differences: lines }) => `${placeText(place, calls)}:\n${lines.join('\n')}`);
}

async function found(
  run: () => ReturnType<Bench['run']>,
  whole: Awaited<ReturnType<Bench['run']>>,
  place: Place,
): Promise<readonly string[]> {
  try {
    return differences(whole, await run(), place);
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}
