import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JournalRecord } from '@outrider/delegate/agent/journal-format.ts';
import { foldJournal } from '@outrider/delegate/agent/journal-state.ts';
import type { SessionInput, SessionOutput } from '@outrider/delegate/agent/session-state.ts';
import type { Directive, ServerMessage, TaskRef } from '@outrider/shared/protocol/messages.ts';
import fc from 'fast-check';
import { LOG, Session, succeed } from './session-hand.ts';

describe('whatever happens, in whatever order', () => {
  /** Some task; mostly one that is held, under its epoch. */
  const ref = fc.record({
    taskId: fc.constantFrom<string>('a', 'b'),
    epoch: fc.integer({ min: 1, max: 4 }),
    held: fc.integer({ min: 0, max: 5 }).map((draw) => draw > 0),
  });
  const step = fc.oneof(
    { weight: 2, arbitrary: fc.constant({ do: 'connect' as const }) },
    { weight: 1, arbitrary: fc.constant({ do: 'disconnect' as const }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('offer' as const), ref }) },
    { weight: 6, arbitrary: fc.record({ do: fc.constant('lease' as const), ref }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('heartbeat' as const), ms: fc.nat({ max: 12_000 }) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('ack' as const), lost: fc.boolean(), ref }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('checkpoint' as const) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('checkpoint-ack' as const), ref }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('end' as const), how: fc.nat({ max: 4 }) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('settle' as const), ref }) },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('result-ack' as const),
        ref,
        status: fc.constantFrom(
          'committed' as const,
          'duplicate' as const,
          'stale' as const,
          'log-incomplete' as const,
        ),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('cancel' as const), ref }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('refuse' as const),
        ref,
        what: fc.constantFrom('accept' as const, 'checkpoint' as const, 'result' as const),
        code: fc.constantFrom('invalid' as const, 'stale-epoch' as const),
      }),
    },
    { weight: 1, arbitrary: fc.constant({ do: 'drain' as const }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
  );

  test('work begins only under a confirmed lease, never twice at once, and nothing is sent before it is remembered', () => {
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 30, maxLength: 90, size: 'max' }),
        fc.infiniteStream(fc.nat()),
        (steps, choices) => {
          let session = new Session();
          const journal: JournalRecord[] = [];
          let running = new Map<string, TaskRef & { stopped: boolean; sequence: number }>();
          const confirmed = new Set<string>();
          const settledLogs = new Set<string>();
          const remembered = new Set<string>();
          const key = ({ taskId, epoch }: TaskRef) => `${taskId}/${epoch}`;
          const pick = () => {
            const all = [...running.values()];
            return all[(choices.next().value ?? 0) % Math.max(all.length, 1)];
          };
          const check = (outputs: readonly SessionOutput[]) => {
            for (const output of outputs) {
              if (output.kind === 'journal') {
                journal.push(output.record);
                const about = output.record.kind === 'accepted' ? output.record.offer : output.record;
                remembered.add(`${output.record.kind} ${key(about)}`);
                if (output.record.kind === 'accepted') settledLogs.delete(key(about));
              }
              if (output.kind === 'resume-log') settledLogs.delete(key(output));
              if (output.kind === 'start') {
                assert.ok(confirmed.has(key(output.offer)), `S1: ${key(output.offer)} begins without a lease`);
                assert.ok(!running.has(output.offer.taskId), `S4: ${output.offer.taskId} runs twice`);
                running.set(output.offer.taskId, {
                  ...output.offer,
                  stopped: false,
                  sequence: output.checkpointSequence,
                });
              }
              if (output.kind === 'stop') {
                const run = running.get(output.taskId);
                if (run?.epoch === output.epoch) run.stopped = true;
              }
              if (output.kind !== 'send') continue;
              const { message } = output;
              if (message.kind !== 'hello')
                assert.equal(session.state.link, 'open', `${message.kind} before the welcome`);
              if (message.kind === 'accept') assert.ok(remembered.has(`accepted ${key(message)}`), 'S2');
              if (message.kind === 'checkpoint') assert.ok(remembered.has(`checkpoint ${key(message)}`), 'S2');
              if (message.kind === 'result') {
                assert.ok(remembered.has(`result ${key(message)}`), 'S2');
                assert.ok(settledLogs.has(key(message)), 'S5: a result without its log');
              }
            }
          };
          const input = (given: SessionInput) => check(session.input(given));
          const receive = (message: ServerMessage) => check(session.receive(message));
          const aimed = ({ taskId, epoch, held }: TaskRef & { readonly held: boolean }): TaskRef => {
            const task = held ? session.state.tasks.get(taskId) : undefined;
            return { taskId, epoch: task?.offer.epoch ?? epoch };
          };
          for (const { ...each } of steps) {
            session.pass(10);
            if ('ref' in each) each.ref = { ...aimed(each.ref), held: true };
            switch (each.do) {
              case 'connect': {
                if (session.state.link !== 'down') break;
                const directives = [...session.state.tasks.values()].map(({ offer, stage }): Directive => {
                  const keep = (choices.next().value ?? 0) % 3 > 0;
                  const action = keep ? (stage.kind === 'finished' ? 'resend-result' : 'keep') : 'stop';
                  return { taskId: offer.taskId, epoch: offer.epoch, action, logOffset: 0 };
                });
                check(session.connect(directives));
                break;
              }
              case 'disconnect':
                input({ kind: 'disconnected' });
                break;
              case 'restart':
                session = new Session(journal);
                running = new Map();
                confirmed.clear();
                settledLogs.clear();
                break;
              case 'drain':
                input({ kind: 'drain', reason: '' });
                break;
              case 'heartbeat':
                input({ kind: 'heartbeat-due', at: session.pass(each.ms).at });
                break;
              case 'end': {
                const run = pick();
                if (run === undefined) break;
                running.delete(run.taskId);
                const reasons = ['lease-lost', 'aborted', 'timed-out', 'draining'] as const;
                const reason = reasons[each.how];
                const end = reason === undefined ? succeed() : ({ kind: 'stopped', reason, message: '' } as const);
                input({ kind: 'work-ended', taskId: run.taskId, epoch: run.epoch, end });
                break;
              }
              case 'checkpoint': {
                const run = pick();
                if (run === undefined || run.stopped) break;
                run.sequence += 1;
                input({ kind: 'checkpoint', taskId: run.taskId, epoch: run.epoch, sequence: run.sequence, facts: {} });
                break;
              }
              case 'settle':
                if (session.state.tasks.get(each.ref.taskId)?.offer.epoch !== each.ref.epoch) break;
                settledLogs.add(key(each.ref));
                input({ kind: 'log-settled', ...each.ref, log: LOG });
                break;
              default: {
                if (session.state.link !== 'open') break;
                if (each.do === 'offer')
                  check(
                    session.offer({
                      taskId: each.ref.taskId,
                      epoch: each.ref.epoch + ((choices.next().value ?? 0) % 2),
                    }),
                  );
                else if (each.do === 'lease') {
                  confirmed.add(key(each.ref));
                  receive({ kind: 'lease', ...each.ref, ttlMs: 30_000 });
                } else if (each.do === 'ack') {
                  const sequence = session.state.heartbeatSequence;
                  const refs = [each.ref];
                  if (!each.lost) confirmed.add(key(each.ref));
                  receive({
                    kind: 'heartbeat-ack',
                    sequence,
                    extended: each.lost ? [] : refs,
                    lost: each.lost ? refs : [],
                  });
                } else if (each.do === 'checkpoint-ack') {
                  receive({ kind: 'checkpoint-ack', ...each.ref, sequence: (choices.next().value ?? 0) % 6 });
                } else if (each.do === 'result-ack') {
                  receive({ kind: 'result-ack', ...each.ref, status: each.status, logOffset: 0 });
                } else if (each.do === 'cancel') {
                  receive({ kind: 'cancel', ...each.ref, reason: 'aborted', message: '' });
                } else {
                  receive({ kind: 'refused', ...each.ref, code: each.code, what: each.what, message: '' });
                }
              }
            }
            // S3: what is finished and not acknowledged is still there, also in the journal.
            const inJournal = foldJournal(journal);
            for (const [taskId, { offer, stage }] of session.state.tasks) {
              if (stage.kind === 'finished' && offer.deadlineMs !== 0) {
                assert.deepEqual(inJournal.get(taskId)?.outcome?.outcome, stage.outcome.outcome, 'S3');
              }
            }
          }
        },
      ),
      { numRuns: 1_500 },
    );
  });
});
