import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Journal } from '@outrider/delegate/agent/journal.ts';
import type { JournaledTask } from '@outrider/delegate/agent/journal-state.ts';
import { type Chance, Disk, someLoss } from './disk.ts';
import type { Rounds } from './store-rounds.ts';
import { Writer } from './writer.ts';

const CHILD = fileURLToPath(new URL('./journal-child.ts', import.meta.url));
const LOSSES_PER_LIFE = 15;
const QUIET = { debug() {}, info() {}, warn() {}, error() {} };

/** How far a task of journal-child.ts is: accepted, started (with checkpoints), done, acknowledged. */
interface Stage {
  readonly epoch: number;
  readonly stage: number;
  readonly sequence: number;
}

/** Lets a process write into a delegate's journal, and looks at random moments at what would be there if the power went off. */
export async function journalRounds(
  count: number,
  chance: Chance,
  skip?: string,
  isEnough: (findings: readonly string[]) => boolean = () => false,
): Promise<Rounds> {
  const disk = new Disk();
  const noted = new Map<string, Stage>();
  const findings: string[] = [];
  const total = { acknowledged: 0, done: 0 };
  try {
    while (total.done < count && !isEnough(findings)) {
      const losses = Math.min(LOSSES_PER_LIFE, count - total.done);
      disk.settle();
      const writer = new Writer(CHILD, [disk.live], disk.environment({ skip }));
      try {
        await writer.says(10);
        for (let round = 1; round <= losses; round++) {
          await writer.holdAfter(chance() * 30);
          await setImmediate();
          total.acknowledged += note(noted, writer.takeLines());
          const loss = someLoss(chance);
          const image = disk.image(loss, chance);
          const looked = disk.copyOf(image);
          findings.push(...(await auditOf(noted, looked)).map((finding) => `${JSON.stringify(loss)} ${finding}`));
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
      total.done += losses;
    }
  } finally {
    disk.remove();
  }
  if (noted.size < 6) findings.push('too little was written to say anything');
  return { count: total.done, acknowledged: total.acknowledged, findings };
}

function note(noted: Map<string, Stage>, lines: readonly string[]): number {
  for (const line of lines) {
    const [taskId = '', ...values] = line.split(' ');
    const [epoch = 0, stage = 0, sequence = 0] = values.map(Number);
    noted.set(taskId, { epoch, stage, sequence });
  }
  return lines.length;
}

/** Opens the journal as the next process does. */
async function auditOf(noted: ReadonlyMap<string, Stage>, directory: string): Promise<string[]> {
  try {
    const journal = await Journal.open({ directory, logger: QUIET, now: () => Date.now() });
    await journal.close();
    return [...noted].flatMap(([taskId, wanted]) => {
      const found = stageOf(journal.state.get(taskId));
      if (isAtLeast(found, wanted)) return [];
      return [`${taskId}: ${JSON.stringify(wanted)} was acknowledged, ${JSON.stringify(found)} is there`];
    });
  } catch (error) {
    return [`${join(directory, 'journal')}: ${error instanceof Error ? error.message : String(error)}`];
  }
}

function stageOf(task: JournaledTask | undefined): Stage {
  if (task === undefined) return { epoch: 0, stage: 0, sequence: 0 };
  const { offer, started, checkpointSequence, outcome, acknowledgedAtMs } = task;
  const stage = acknowledgedAtMs !== null ? 4 : outcome !== null ? 3 : started ? 2 : 1;
  // Of work that is done only the result is kept.
  return { epoch: offer.epoch, stage, sequence: outcome === null ? checkpointSequence : 3 };
}

function isAtLeast(found: Stage, wanted: Stage): boolean {
  if (found.epoch !== wanted.epoch) return found.epoch > wanted.epoch;
  return found.stage > wanted.stage || (found.stage === wanted.stage && found.sequence >= wanted.sequence);
}
