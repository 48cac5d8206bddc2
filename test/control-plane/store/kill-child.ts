import { openStore } from '@outrider/control-plane/store/open.ts';
import { commitOf, freshName, logLines, queuedTask } from '../../contracts/store/fixtures.ts';

/**
 * `node kill-child.ts PATH SEED`: writes to the store until it is killed, several operations at a time, and says each
 * thing as soon as the store has acknowledged it: `event EXECUTION SEQ`, `setting KEY`, `log TASK OFFSET`.
 */
const [, , path, seed] = process.argv;
const store = await openStore(`sqlite:${path}`);
const say = (line: string) => process.stdout.write(`${line}\n`);

async function writeEvents(executionId: string): Promise<void> {
  for (let seq = (await store.readEvents(executionId, 0, 10_000)).length; ; seq++) {
    const outcome = await store.commit(commitOf(executionId, seq));
    if (outcome.kind !== 'ok') throw new Error(`a commit was answered with ${outcome.kind}`);
    say(`event ${executionId} ${seq + 1}`);
  }
}

async function writeSettings(name: string): Promise<void> {
  for (;;) {
    const key = `${name} ${freshName('key')}`;
    await store.setSetting(key, 'x'.repeat(500));
    say(`setting ${key}`);
  }
}

async function writeLog(executionId: string): Promise<void> {
  const { taskId } = await queuedTask(store, executionId);
  let offset = (await store.getTask(taskId))?.logBytes ?? 0;
  for (;;) {
    const answer = await store.appendLog({ taskId, epoch: 0 }, offset, logLines(40));
    if (answer.kind !== 'ok') throw new Error(`log text was answered with ${answer.kind}`);
    offset = answer.durableOffset;
    say(`log ${taskId} ${offset}`);
  }
}

const digits = ['A', 'B', 'C', 'D'];
await Promise.all([
  ...digits.map((digit) => writeEvents(`exe_${digit.repeat(26)}`)),
  ...digits.map((digit) => writeSettings(`${seed}-${digit}`)),
  ...digits.map((digit) => writeLog(`exe_${digit.repeat(26)}`)),
]);
