import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { audit } from './audit.ts';
import type { Observations } from './observations.ts';
import { type Changeable, sampleObservations } from './sample-observations.ts';

type Seen = Changeable<Observations>;

/** The element at this place, which is there. */
function at<T>(list: readonly T[], place: number): T {
  const found = list.at(place);
  if (found === undefined) throw new RangeError(`nothing at ${place}`);
  return found;
}

/** What may go wrong, the rule that names it, and how it would look. */
const WRONGS: readonly (readonly [string, string, (seen: Seen) => void])[] = [
  ['an acknowledged execution is lost', 'what was acknowledged is there', (seen) => void seen.executions.pop()],
  ['a repeated request made two', 'no request is done twice', (seen) => void (at(seen.executions, 1).reason = 'web-1')],
  [
    'an execution nobody asked for',
    'nothing runs that nobody asked for',
    (seen) => void seen.executions.push({ ...at(seen.executions, 0), id: 'exe_other', reason: 'other' }),
  ],
  ['an execution that hangs', 'every execution ends', (seen) => void seen.open.push('web-3')],
  ['an operator without an answer', 'every request is answered in the end', (seen) => void seen.troubles.push('web')],
  ['an end that changed', 'an end is an end', (seen) => void (at(seen.deployments, 0).ended = 'failed')],
  [
    'a failure without a reason',
    'every ending has its reason',
    (seen) => void Object.assign(at(seen.executions, 0), { status: 'failed', failureCode: 'internal' }),
  ],
  [
    'a success with an image that is not there',
    'every ending has its reason',
    (seen) => void (at(seen.deployments, 0).intent = 'bad-image'),
  ],
  [
    'an acknowledged abort that was forgotten',
    'what was acknowledged is done',
    (seen) => void (at(seen.executions, 1).status = 'failed'),
  ],
  [
    'an event that is missing',
    'events count from 1 without holes',
    (seen) => void at(seen.executions, 0).events.splice(2, 1),
  ],
  [
    'a step that ended twice',
    'an attempt ends once',
    (seen) => void (at(at(seen.executions, 0).events, 2).type = 'step-failed'),
  ],
  [
    'two ends of an execution',
    'an execution ends once, and then nothing happens',
    (seen) => void (at(at(seen.executions, 0).events, -2).type = 'execution-finished'),
  ],
  [
    'an end that the events do not have',
    'the ending agrees with the events',
    (seen) => void (at(seen.executions, 0).rollback = 'failed'),
  ],
  [
    'a step that the events tell otherwise',
    'the steps agree with the events',
    (seen) => void (at(at(seen.executions, 0).steps, 0).status = 'failed'),
  ],
  [
    'an event that was changed in the store',
    'the hash chain holds',
    (seen) => void (at(seen.store.events, 3).atMs = 7),
  ],
  ['a history that lost its tail', 'the hash chain holds', (seen) => void seen.store.events.pop()],
  [
    'a watcher that missed an event',
    'watchers see each event once, in order',
    (seen) => void at(seen.watched, 0).events.splice(1, 1),
  ],
  [
    'a watcher that saw one twice',
    'watchers see each event once, in order',
    (seen) => void at(seen.watched, 0).events.splice(1, 0, at(at(seen.watched, 0).events, 0)),
  ],
  [
    'a watcher that was told something else',
    'watchers see what the history says',
    (seen) => void (at(at(seen.watched, 0).events, 1).text = '{}'),
  ],
  ['a watcher that waits for ever', 'every watcher sees the end', (seen) => void (at(seen.watched, 0).end = undefined)],
  [
    'a line that a follower never got',
    'followers of a log see each line once, in order',
    (seen) => void at(seen.followed, 0).lines.shift(),
  ],
  [
    'a follower that waits for ever',
    'every follower of a log sees the end',
    (seen) => void (at(seen.followed, 0).ended = false),
  ],
  [
    'a command that printed an event twice',
    'the command line sees each event once, in order',
    (seen) => void at(seen.watchedByCommand, 0).events.push(at(at(seen.watchedByCommand, 0).events, 0)),
  ],
  [
    'an exit code that lies',
    'exit codes tell how it ended',
    (seen) => void (at(seen.watchedByCommand, 0).exitCode = 1),
  ],
  ['a hole in a log', 'a log has no hole', (seen) => void (at(at(seen.store.tasks, 0).chunks, 1).offset += 5)],
  ['a log that is shorter than was said', 'a log has no hole', (seen) => void (at(seen.store.tasks, 0).logBytes += 1)],
  [
    'a line that the API does not tell',
    'the API tells the stored log',
    (seen) => void at(at(seen.executions, 0).steps, 0).lines.pop(),
  ],
  ['a line that came twice', 'a log is what its runs said, in order', (seen) => doubleLine(at(seen.store.tasks, 0))],
  [
    'a log without the last lines of the run that counts',
    'a log is whole',
    (seen) => void at(seen.produced, 1).lines.push('said and lost'),
  ],
  [
    'a log that ends otherwise than its step',
    'a log ends as its step did',
    (seen) => void (at(at(at(seen.executions, 0).steps, 0).lines, -1).level = 'ERROR'),
  ],
  ['a task that never ended', 'every task ends', (seen) => void (at(seen.store.tasks, 0).state = 'leased')],
  [
    'a second task definition',
    'one task definition for each setup',
    (seen) => void seen.world.revisions.push({ ...at(seen.world.revisions, 0), arn: 'arn:again' }),
  ],
  ['no task definition at all', 'one task definition for each setup', (seen) => void seen.world.revisions.shift()],
  [
    'a second service',
    'one service for each deployment',
    (seen) => void seen.world.created.push({ ...at(seen.world.created, 0), createdAt: 99 }),
  ],
  [
    'a success that does not serve whole',
    'a success serves, alone and whole',
    (seen) => void (at(at(seen.deployments, 0).after.services, 0).desired = 1),
  ],
  [
    'an aborted version that still serves',
    'nothing of what was rolled back serves',
    (seen) => void (at(at(seen.deployments, 1).after.services, 1).desired = 1),
  ],
  [
    'an old version that did not come back',
    'a rollback restores the counts',
    (seen) => void (at(at(seen.deployments, 1).after.services, 0).desired = 1),
  ],
  [
    'auto scaling that stayed suspended',
    'auto scaling follows the version that serves',
    (seen) => void Object.assign(at(at(seen.deployments, 2).after.services, 0).scaling ?? {}, { suspended: true }),
  ],
  [
    'auto scaling that a rollback lost',
    'a rollback restores auto scaling',
    (seen) =>
      void (at(at(seen.deployments, 1).before.services, 0).scaling = {
        min: 1,
        max: 2,
        suspended: false,
        policies: [],
      }),
  ],
  [
    'a canary that was left behind',
    'no canary is left behind',
    (seen) =>
      void at(seen.deployments, 3).after.services.push({
        ...at(at(seen.deployments, 3).after.services, 0),
        name: 'chaosfrontCanary',
      }),
  ],
  [
    'a change after the end',
    'after its end an execution changes nothing',
    (seen) =>
      void seen.world.mutations.push({ operation: 'UpdateService', atMs: 1_700, input: '{"service":"chaos_web__1"}' }),
  ],
  [
    'a moment with too few instances',
    'there are never too few instances',
    (seen) =>
      void seen.world.mutations.push({
        operation: 'UpdateService',
        atMs: 2_100,
        input: '{"service":"chaos_web__1","desiredCount":1}',
      }),
  ],
  [
    'a service that runs something else in the end',
    'in the end every service runs what it should',
    (seen) => void (at(seen.world.settled['web']?.services ?? [], 0).running = { 'arn:other': 2 }),
  ],
  [
    'a process that fell over',
    'no process ends by itself',
    (seen) => void at(seen.processes, 0).unasked.push('SIGABRT'),
  ],
  [
    'a stack trace in a log',
    'no log shows the inside',
    (seen) => void at(seen.processes, 0).alarming.push('at x.ts:1:1'),
  ],
  ['a process that grows', 'memory is bounded', (seen) => void (at(seen.processes, 0).peakMiB = 900)],
  [
    'a secret in the store',
    'secrets stay where they belong',
    (seen) => void seen.secrets.push({ what: 'a key', where: 'db' }),
  ],
  ['an effect that was never performed', 'nothing is left half done', (seen) => void (seen.store.effectsLeft = 1)],
];

describe('the audit of a chaos run', () => {
  test('finds nothing where nothing is wrong', () => {
    assert.deepEqual(audit(sampleObservations()), []);
  });

  for (const [what, rule, spoil] of WRONGS) {
    test(`finds ${what}`, () => {
      const seen = sampleObservations();
      spoil(seen);
      const rules = audit(seen).map((violation) => violation.rule);
      assert.ok(rules.includes(rule), `it finds only: ${rules.join('; ')}`);
    });
  }
});

function doubleLine(task: Seen['store']['tasks'][number]): void {
  const [first = ''] = task.log.split('\n');
  const line = `${first}\n`;
  task.log = task.log + line;
  task.logBytes += Buffer.byteLength(line);
  at(task.chunks, -1).length += Buffer.byteLength(line);
}
