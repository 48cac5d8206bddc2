import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Acknowledged } from '../control-plane/store/acknowledged.ts';
import { type Chance, Disk, someLoss } from './disk.ts';
import { Writer } from './writer.ts';

const CHILD = fileURLToPath(new URL('../control-plane/store/kill-child.ts', import.meta.url));

export interface Rounds {
  /** Losses of power. */
  readonly count: number;
  readonly acknowledged: number;
  /** What was acknowledged and is gone, or is broken, one line each. */
  readonly findings: readonly string[];
}

/** Losses of power at one life of the writing process; the last of them is what the next life begins with. */
const LOSSES_PER_LIFE = 10;
/** Lives on one disk: the store grows, and with it the time that each audit takes. */
const LIVES_PER_DISK = 4;

/** Lets a process write to a store, and looks at random moments at what would be there if the power went off. */
export async function storeRounds(
  count: number,
  chance: Chance,
  careless: boolean = false,
  isEnough: (findings: readonly string[]) => boolean = () => false,
): Promise<Rounds> {
  const findings: string[] = [];
  let acknowledged = 0;
  let done = 0;
  while (done < count && !isEnough(findings)) {
    const disk = new Disk();
    try {
      const noted = new Acknowledged();
      for (let life = 0; life < LIVES_PER_DISK && done < count && !isEnough(findings); life++) {
        const wanted = Math.min(LOSSES_PER_LIFE, count - done);
        findings.push(...(await oneLife(disk, noted, `${done}`, wanted, chance, careless)));
        done += wanted;
      }
      if (!noted.isVaried) findings.push('too little was written to say anything');
      acknowledged += noted.count;
    } finally {
      disk.remove();
    }
  }
  return { count: done, acknowledged, findings };
}

async function oneLife(
  disk: Disk,
  noted: Acknowledged,
  seed: string,
  losses: number,
  chance: Chance,
  careless: boolean,
): Promise<string[]> {
  disk.settle();
  const path = join(disk.live, 'outrider.db');
  const writer = new Writer(CHILD, [path, seed, ...(careless ? ['careless'] : [])], disk.environment());
  const findings: string[] = [];
  try {
    await writer.says(50);
    for (let round = 1; round <= losses; round++) {
      await writer.holdAfter(chance() * 60);
      // What it said before it stood still may be on its way.
      await setImmediate();
      for (const line of writer.takeLines()) noted.note(line);
      const loss = someLoss(chance);
      const image = disk.image(loss, chance);
      // Looking at it changes it: what the next life begins with is what the loss left.
      const looked = disk.copyOf(image);
      const found = auditOf(noted, join(looked, 'outrider.db'));
      findings.push(...found.map((finding) => `${JSON.stringify(loss)} ${finding}`));
      disk.discard(looked);
      if (round < losses) {
        disk.discard(image);
        writer.goOn();
      } else {
        await writer.kill();
        disk.become(image);
      }
    }
  } finally {
    await writer.kill();
  }
  return findings;
}

function auditOf(noted: Acknowledged, path: string): string[] {
  try {
    return existsSync(path) ? noted.audit(path) : ['there is no store any more'];
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}
