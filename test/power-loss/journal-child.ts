import { Journal } from '@outrider/delegate/agent/journal.ts';
import type { TaskRef } from '@outrider/shared/protocol/messages.ts';

/**
 * `node journal-child.ts DIRECTORY`: a delegate's journal that is written by several steps at once until the process is
 * killed; says each thing as soon as it is on the disk: `TASK EPOCH STAGE SEQUENCE` (see journal-rounds.ts).
 */
const [, , directory = ''] = process.argv;
const logger = { debug() {}, info() {}, warn() {}, error() {} };
// Rewritten every few records, not every few thousand.
const journal = await Journal.open({ directory, logger, now: () => Date.now(), compactBytes: 16_384 });
const say = (ref: TaskRef, stage: number, sequence: number) =>
  process.stdout.write(`${ref.taskId} ${ref.epoch} ${stage} ${sequence}\n`);

async function work(taskId: string): Promise<void> {
  for (let epoch = (journal.state.get(taskId)?.offer.epoch ?? 0) + 1; ; epoch++) {
    const ref = { taskId, epoch };
    const task = { text: 'x'.repeat(300) };
    const offer = { ...ref, task, deadlineMs: 1, facts: {}, checkpointSequence: 0, logOffset: 0 };
    await journal.append({ kind: 'accepted', offer });
    say(ref, 1, 0);
    await journal.append({ kind: 'started', ...ref });
    say(ref, 2, 0);
    for (let sequence = 1; sequence <= 3; sequence++) {
      await journal.append({ kind: 'checkpoint', ...ref, sequence, facts: { sequence } });
      say(ref, 2, sequence);
    }
    await journal.append({ kind: 'result', ...ref, outcome: { outcome: 'succeeded', output: { epoch } } });
    say(ref, 3, 3);
    if (epoch % 3 === 0) {
      await journal.append({ kind: 'acknowledged', ...ref, atMs: Date.now() });
      say(ref, 4, 3);
    }
  }
}

await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((name) => work(`exe_${name.repeat(26)}/p1.1/1`)));
