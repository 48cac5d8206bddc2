import { openStore } from '@outrider/control-plane/store/open.ts';
import { taskId } from '@outrider/shared/ids.ts';
import { commitOf, freshName, logLines, stepTaskOf, T0 } from '../../contracts/store/fixtures.ts';
import { openCarelessStore } from '../../power-loss/careless-store.ts';

/**
 * `node kill-child.ts PATH SEED [careless]`: writes to the store until it is killed, several operations at a time, and says
 * each thing as soon as the store has acknowledged it: `event EXECUTION SEQ`, `setting KEY`, `log TASK OFFSET`,
 * `task TASK EPOCH STAGE SEQUENCE` (see acknowledged.ts).
 */
const [, , path = '', seed, careless] = process.argv;
const store = careless === undefined ? await openStore(`sqlite:${path}`) : openCarelessStore(path);
const say = (line: string) => process.stdout.write(`${line}\n`);

async function writeEvents(executionId: string): Promise<void> {
  for (let seq = (await store.readEvents(executionId, 0, 10_000)).length; ; seq++) {
    await commit(executionId, seq, {});
    say(`event ${executionId} ${seq + 1}`);
  }
}

async function commit(executionId: string, seq: number, more: Parameters<typeof commitOf>[2]): Promise<void> {
  const outcome = await store.commit(commitOf(executionId, seq, more));
  if (outcome.kind !== 'ok') throw new Error(`a commit was answered with ${outcome.kind}`);
}

async function writeSettings(name: string): Promise<void> {
  for (;;) {
    const key = `${name}-${freshName('key')}`;
    await store.setSetting(key, 'x'.repeat(500));
    say(`setting ${key}`);
  }
}

async function enqueue(executionId: string, stepId: string, attempt: number): Promise<string> {
  const task = stepTaskOf(executionId, stepId, attempt);
  await store.enqueueTask({ task, selectors: [], repeatable: true, timeoutSeconds: 600, notBeforeMs: T0, atMs: T0 });
  return taskId(executionId, stepId, attempt);
}

async function writeLog(executionId: string): Promise<void> {
  const id = await enqueue(executionId, 'p1.1', 1);
  let offset = (await store.getTask(id))?.logBytes ?? 0;
  for (;;) {
    const answer = await store.appendLog({ taskId: id, epoch: 0 }, offset, logLines(200));
    if (answer.kind !== 'ok') throw new Error(`log text was answered with ${answer.kind}`);
    offset = answer.durableOffset;
    say(`log ${id} ${offset}`);
  }
}

/** One attempt after the other is offered, accepted, saved and then released or ended. */
async function writeTasks(executionId: string): Promise<void> {
  const living = (await store.livingTasks()).find((row) => row.executionId === executionId);
  let seq = (await store.readEvents(executionId, 0, 10_000)).length;
  let id = living?.taskId ?? (await enqueue(executionId, 'p1.1', seq + 1));
  if (living?.state === 'leased' || living?.state === 'offered') {
    await commit(executionId, seq++, { task: { kind: 'withdrawn', taskId: id } });
    id = await enqueue(executionId, 'p1.1', seq + 1);
  }
  for (let round = 0; ; round++) {
    const offered = await store.offerTask(id, { delegate: 'vpc-1', instanceId: 'a' }, T0, T0 + 10_000);
    if (offered.kind !== 'ok') throw new Error('the task could not be offered');
    const { epoch, checkpointSequence } = offered.task;
    const ref = { taskId: id, epoch };
    let sequence = checkpointSequence;
    say(`task ${id} ${epoch} 1 ${sequence}`);
    await commit(executionId, seq++, {
      task: { kind: 'accepted', ...ref, instanceId: 'a', leaseUntilMs: T0 + 30_000 },
    });
    say(`task ${id} ${epoch} 2 ${sequence}`);
    sequence += 1;
    await commit(executionId, seq++, { task: { kind: 'checkpointed', ...ref, sequence, facts: { sequence } } });
    say(`task ${id} ${epoch} 2 ${sequence}`);
    if (round % 2 === 0) await commit(executionId, seq++, { task: { kind: 'released', ...ref, notBeforeMs: T0 } });
    else await commit(executionId, seq++, { task: { kind: 'ended', ...ref, resultSha256: 'r' } });
    say(`task ${id} ${epoch} 3 ${sequence}`);
    if (round % 2 === 1) id = await enqueue(executionId, 'p1.1', seq + 1);
  }
}

const execution = (digit: string) => `exe_${digit.repeat(26)}`;
const digits = ['A', 'B', 'C', 'D'];
await Promise.all([
  ...digits.map((digit) => writeEvents(execution(digit))),
  ...digits.map((digit) => writeSettings(`${seed}-${digit}`)),
  ...digits.map((digit) => writeLog(execution(digit))),
  ...['E', 'F', 'G', 'H'].map((digit) => writeTasks(execution(digit))),
]);
