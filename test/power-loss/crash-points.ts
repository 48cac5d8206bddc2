import { type Chance, type Disk, ENDINGS } from './disk.ts';
import { Writer } from './writer.ts';

export interface CrashPoints {
  /** Moments at which something else would have been left than just before. */
  readonly points: number;
  /** What was left of them, in each way in which it could be. */
  readonly images: number;
  readonly findings: readonly string[];
}

/** No process of these tests has more of them. */
const POINTS_MAX = 500;

/**
 * Runs a process to its end, and at each moment that matters looks at everything that a kill -9 or a loss of power could leave
 * of it. `audit` gets a directory of its own and says what is wrong with it. `share`: of the moments so many are looked at.
 */
export async function crashPoints(
  disk: Disk,
  script: string,
  args: readonly string[],
  chance: Chance,
  audit: (image: string) => readonly string[] | Promise<readonly string[]>,
  share: number = 1,
): Promise<CrashPoints> {
  disk.settle();
  const writer = new Writer(script, args, disk.environment({ pause: true }));
  const findings: string[] = [];
  let points = 0;
  let images = 0;
  try {
    for (; await writer.stops(); points++) {
      if (points >= POINTS_MAX) throw new Error(`it does not end after ${POINTS_MAX} moments`);
      for (const loss of chance() < share ? ENDINGS : []) {
        const image = disk.image(loss, chance);
        for (const finding of await audit(image))
          findings.push(`moment ${points + 1}, ${JSON.stringify(loss)}: ${finding}`);
        disk.discard(image);
        images += 1;
      }
      writer.goOn();
    }
    const { exitCode, complaint } = await writer.ended();
    if (exitCode !== 0) findings.push(`it failed: ${complaint}`);
  } finally {
    await writer.kill();
  }
  return { points, images, findings };
}
