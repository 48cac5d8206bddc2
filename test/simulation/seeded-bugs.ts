import { fileURLToPath } from 'node:url';

/**
 * Defects that are put into the product to see that the histories find them. Each is an exact edit of a source file, made as the
 * file is loaded by a worker that is told so (bug-hook.ts), and never in what ships.
 */

export interface Edit {
  /** From the root of the repository. */
  readonly file: string;
  /** Stands exactly once in the file. */
  readonly find: string;
  readonly replace: string;
}

export interface SeededBug {
  readonly name: string;
  /** What goes wrong. */
  readonly what: string;
  readonly edits: readonly Edit[];
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const dispatch = 'control-plane/src/app/dispatch';
const store = 'control-plane/src/store/memory';
const agent = 'delegate/src/agent';
const steps = 'delegate/src/steps';

const CONTROL_PLANE_BUGS: readonly SeededBug[] = [
  {
    name: 'epoch-not-checked',
    what: 'A delegate that comes back goes on with what was given to somebody else meanwhile',
    edits: [
      edit(`${dispatch}/directives.ts`, 'if (row.epoch !== item.epoch)', 'if (row.epoch < item.epoch)'),
      edit(`${dispatch}/directives.ts`, 'if (row.delegate !== asker.delegate)', 'if (row.delegate === null)'),
      edit(`${dispatch}/directives.ts`, 'if (!same && holderLives)', 'if (!same && holderLives && row.attempt < 0)'),
      edit(`${store}/tasks.ts`, ' || row.epoch !== ref.epoch || row.delegate !== delegate) return', ') return'),
      edit(
        `${store}/tasks.ts`,
        "if (row?.state === 'leased' && row.epoch === ref.epoch && row.instanceId === instanceId) {",
        "if (row?.state === 'leased' && row.instanceId === instanceId) {",
      ),
    ],
  },
  {
    name: 'result-acknowledged-early',
    what: 'A result is acknowledged before it is committed',
    edits: [
      edit(
        `${dispatch}/intake.ts`,
        "{ kind: 'task-ended', stepId, attempt, result: message.result },",
        "(ack('committed', row.logBytes), { kind: 'task-ended', stepId, attempt, result: message.result }),",
      ),
    ],
  },
  {
    name: 'checkpoint-acknowledged-early',
    what: 'A checkpoint is acknowledged before it is committed',
    edits: [
      edit(
        `${dispatch}/intake.ts`,
        "{ kind: 'task-checkpointed', stepId, attempt, facts },",
        "(send(session, { kind: 'checkpoint-ack', taskId, epoch, sequence }), { kind: 'task-checkpointed', stepId, attempt, facts }),",
      ),
    ],
  },
  {
    name: 'log-acknowledged-unstored',
    what: 'Log lines are acknowledged although they were refused',
    edits: [
      edit(
        `${dispatch}/log-intake.ts`,
        "case 'gap':",
        "case 'gap':\n      return { kind: 'ack', taskId, epoch, durableOffset: message.offset + bytesOf(message).length };\n    case 'gap':",
      ),
    ],
  },
  {
    name: 'log-hole-accepted',
    what: 'A batch of a log that was lost on the way is not missed: what follows it is stored right behind what came before',
    edits: [
      edit(
        `${store}/logs.ts`,
        "if (offset > end) return { kind: 'gap', durableOffset: end };",
        'offset = Math.min(offset, end);',
      ),
    ],
  },
  {
    name: 'log-doubled',
    what: 'Log lines that are sent again are stored again',
    edits: [edit(`${store}/logs.ts`, 'bytes.subarray(end - offset)', 'bytes.subarray(0)')],
  },
  {
    name: 'lease-expired-early',
    what: 'A lease is taken away after one missed heartbeat, without the grace',
    edits: [
      edit(
        `${dispatch}/expiry.ts`,
        'if (leaseEndedMs < timings.reassignGraceMs) return LEAVE;',
        'if (leaseEndedMs < 12_000 - timings.leaseTtlMs) return LEAVE;',
      ),
    ],
  },
  {
    name: 'cancelled-step-withdrawn-early',
    what: 'A cancelled step is taken for over while its delegate may still be at it',
    edits: [
      edit(
        `${dispatch}/expiry.ts`,
        'if (leaseEndedMs < timings.callDeadlineMs) return LEAVE;',
        'if (leaseEndedMs < 2_000 - timings.leaseTtlMs) return LEAVE;',
      ),
    ],
  },
  {
    name: 'lease-renewed-for-others',
    what: 'A clone is let in beside its twin, and each renews the lease that the other one holds',
    edits: [
      edit(
        `${store}/tasks.ts`,
        "if (row?.state === 'leased' && row.epoch === ref.epoch && row.instanceId === instanceId) {",
        "if (row?.state === 'leased' && row.epoch === ref.epoch) {",
      ),
      edit(`${dispatch}/directives.ts`, 'if (!same && holderLives)', 'if (!same && holderLives && row.attempt < 0)'),
    ],
  },
  {
    name: 'epoch-not-raised',
    what: 'A task is offered again under the epoch it had',
    edits: [edit(`${store}/tasks.ts`, 'epoch: row.epoch + 1,', 'epoch: Math.max(row.epoch, 1),')],
  },
  {
    name: 'generation-not-raised',
    what: 'A restored store gives out epochs that were given out before',
    edits: [
      edit(
        'control-plane/src/store/restoration.ts',
        'const generation = Math.max(before.generation, above) + 1;',
        'const generation = Math.max(before.generation, above);',
      ),
    ],
  },
  {
    name: 'clone-accepted',
    what: 'A clone takes the work of its twin, which is at it',
    edits: [
      edit(`${dispatch}/directives.ts`, 'if (!same && holderLives)', 'if (!same && holderLives && row.attempt < 0)'),
    ],
  },
  {
    name: 'effects-forgotten',
    what: 'The row of an effect goes before the effect has happened: a crash in between loses it',
    edits: [
      edit(
        'control-plane/src/app/engine.ts',
        'const followUp: FollowUp | undefined = await performEffect(row, {',
        'await this.#store.effectDone(row.id);\n    const followUp: FollowUp | undefined = await performEffect(row, {',
      ),
    ],
  },
  {
    name: 'outbox-not-recovered',
    what: 'A control plane that starts does not look for what its predecessor left to be done',
    edits: [
      edit(
        'control-plane/src/app/engine.ts',
        'const tried = new Set<ExecutionId>();',
        'if (this.#owed.size === 0) return;\n    const tried = new Set<ExecutionId>();',
      ),
    ],
  },
  {
    name: 'idempotency-per-moment',
    what: 'A start that is asked for again is another start: the scope of its key is wrong',
    edits: [edit('control-plane/src/app/executions.ts', 'scope: by.name', 'scope: `${by.name} ${atMs}`')],
  },
  {
    name: 'cursor-off-by-one',
    what: 'Who comes back to watch an execution is shown its last event again',
    edits: [
      edit(
        'control-plane/src/app/executions.ts',
        'await store.readEvents(id, afterSeq, within(limit, EVENTS_LIMIT))',
        'await store.readEvents(id, afterSeq - 1, within(limit, EVENTS_LIMIT))',
      ),
    ],
  },
  {
    name: 'incomplete-log-accepted',
    what: 'A step is completed before its log is there, and its delegate sends the result without waiting for that',
    edits: [
      edit(
        `${dispatch}/log-whole.ts`,
        "if (row.logBytes < result.logBytes) return 'incomplete';",
        "if (row.logBytes < result.logBytes) return 'whole';",
      ),
      edit(
        `${agent}/log-sender.ts`,
        'if (!entry.settling || entry.durable < entry.spool.end) return;',
        'if (!entry.settling) return;',
      ),
    ],
  },
];

const DELEGATE_BUGS: readonly SeededBug[] = [
  {
    name: 'no-self-fence',
    what: 'AWS is changed without asking whether the lease still holds',
    edits: [
      edit(
        `${agent}/lease-clock.ts`,
        'if (this.remainingMs(taskId) >= callMs) return;',
        'if (lease.sentAt !== undefined) return;',
      ),
      edit(`${agent}/lease-clock.ts`, 'holds: (callMs) => this.remainingMs(taskId) >= callMs,', 'holds: () => true,'),
    ],
  },
  {
    name: 'lease-counted-from-answer',
    what: 'A lease counts from when its renewal was answered, not from when it was asked for',
    edits: [
      edit(
        `${agent}/session.ts`,
        'return heartbeatAcknowledged(draft, message);',
        'return heartbeatAcknowledged(draft, message, at);',
      ),
      edit(
        `${agent}/session.ts`,
        "function heartbeatAcknowledged(draft: Draft, ack: Of<'heartbeat-ack'>): void {",
        "function heartbeatAcknowledged(draft: Draft, ack: Of<'heartbeat-ack'>, at: Instant): void {",
      ),
      edit(
        `${agent}/session.ts`,
        "draft.put({ kind: 'lease', taskId: ref.taskId, sentAt: sent.sentAt });",
        "draft.put({ kind: 'lease', taskId: ref.taskId, sentAt: at });",
      ),
    ],
  },
  {
    name: 'wall-clock-ignored',
    what: 'Time in which the machine was suspended does not count',
    edits: [
      edit(
        `${agent}/instant.ts`,
        'return Math.max(now.monotonicMs - since.monotonicMs, now.wallMs - since.wallMs, 0);',
        'return Math.max(now.monotonicMs - since.monotonicMs, 0);',
      ),
    ],
  },
  {
    name: 'monotonic-clock-ignored',
    what: 'Only the wall clock counts: set back, it makes a lease last',
    edits: [
      edit(
        `${agent}/instant.ts`,
        'return Math.max(now.monotonicMs - since.monotonicMs, now.wallMs - since.wallMs, 0);',
        'return Math.max(now.wallMs - since.wallMs, 0);',
      ),
    ],
  },
  {
    name: 'work-before-lease',
    what: 'Work begins with the offer, before the lease is confirmed',
    edits: [
      edit(
        `${agent}/session-tasks.ts`,
        "draft.send({ kind: 'accept', taskId, epoch });",
        "draft.send({ kind: 'accept', taskId, epoch });\n  draft.put({ kind: 'lease', taskId, sentAt: at });\n  draft.put({ kind: 'resume-log', taskId, epoch, offset: task.offer.logOffset, began: false });\n  begin(draft, task);",
      ),
    ],
  },
  {
    name: 'stopped-before-it-stops',
    what: 'A cancelled step is reported as stopped while it goes on',
    edits: [
      edit(
        `${agent}/session.ts`,
        "draft.stage(task, { kind: 'running', order: { reason, by: 'control-plane', message } });",
        "return finish(draft, task, { outcome: 'stopped', message: '' });",
      ),
    ],
  },
  {
    name: 'handed-back-while-running',
    what: 'A draining delegate gives work back before it has stopped',
    edits: [
      edit(
        `${agent}/session-tasks.ts`,
        "draft.stage(task, { kind: 'running', order: { reason: 'draining', by: 'delegate', message: '' } });",
        'return reject();',
      ),
    ],
  },
  {
    name: 'checkpoint-not-journaled',
    what: 'Facts are not written to the journal: a restarted delegate resumes with old ones, and nobody sees how old they are',
    edits: [
      edit(
        `${agent}/session.ts`,
        "draft.put({ kind: 'journal', record: { kind: 'checkpoint', taskId, epoch, sequence, facts } });",
        '',
      ),
      // Alone the other does no harm: the control plane stops who knows less than it does.
      edit(
        'control-plane/src/app/dispatch/directives.ts',
        "if (item.phase !== 'finished' && isBehind(item, row))",
        'if (false)',
      ),
    ],
  },
  {
    name: 'sequence-off-by-one',
    what: 'A resumed step counts its checkpoints from one too low: the first is taken for a repeated one',
    edits: [
      edit(
        `${agent}/runner.ts`,
        'let sequence = request.checkpointSequence;',
        'let sequence = Math.max(0, request.checkpointSequence - 1);',
      ),
    ],
  },
  {
    name: 'checkpoint-not-awaited',
    what: 'The next change of AWS does not wait until the facts to undo it are committed',
    edits: [
      edit(
        `${agent}/runner.ts`,
        'hooks.checkpoint(ref, own, facts);',
        'hooks.checkpoint(ref, own, facts);\n          resolve();',
      ),
    ],
  },
  {
    name: 'missing-lines-untold',
    what: 'A log whose delegate is gone, with lines that nobody else has, does not say so',
    edits: [
      edit(
        `${dispatch}/last-words.ts`,
        "row.state === 'leased' ? ' What was logged there last may be missing here.' : ''",
        "''",
      ),
    ],
  },
  {
    name: 'log-not-sent-again',
    what: 'What was sent and not acknowledged when the stream broke is not sent again, and asking for it does not help',
    edits: [
      edit(`${agent}/log-sender.ts`, 'for (const entry of this.#entries.values()) entry.sent = entry.durable;', ''),
      edit(`${agent}/log-sender.ts`, 'this.#rewind(reply, entry, reply.durableOffset);', ''),
      edit(`${agent}/log-sender.ts`, 'else entry.sent = entry.durable;', 'else entry.heard = true;'),
    ],
  },
  {
    name: 'revision-not-looked-for',
    what: 'A step that begins again does not look for the revision that it has registered',
    edits: [
      edit(
        `${steps}/task-definition.ts`,
        "value: ctx.token('task-definition') };",
        "value: `not-${ctx.token('task-definition')}` };",
      ),
    ],
  },
  {
    name: 'token-of-the-run',
    what: 'Client tokens and tags differ from run to run of a step',
    edits: [
      edit(
        `${agent}/runner.ts`,
        "createHash('sha256').update(`${task.executionId}/${task.stepId}/${purpose}`)",
        "createHash('sha256').update(`${task.executionId}/${task.stepId}/${purpose}/${salt++}`)",
      ),
      edit(
        `${agent}/runner.ts`,
        'const LONGEST_TIMER_MS = 2_147_483_647;',
        'const LONGEST_TIMER_MS = 2_147_483_647;\nlet salt = 0;',
      ),
    ],
  },
  {
    name: 'old-version-restored-last',
    what: 'A rollback shrinks the new version before the old one is back',
    edits: [
      edit(
        `${steps}/ecs-rollback-containers.ts`,
        "steps: setup.resizeStrategy === 'resize-new-first' ? [...grow, shrink] : [shrink, ...grow],",
        'steps: [shrink, ...grow],',
      ),
    ],
  },
  {
    name: 'goal-decided-anew',
    what: 'A step that begins again looks at the half-changed world to decide what it was to be, and what to go back to',
    edits: [
      edit(
        `${steps}/ecs-upgrade-containers.ts`,
        'if (resumed.goal !== undefined) {',
        'if (resumed.goal !== undefined && resumed.goal.oldServices.length > 99) {',
      ),
    ],
  },
  {
    name: 'scaling-not-restored',
    what: 'After a rollback the auto scaling of the old version stays suspended',
    edits: [edit(`${steps}/ecs-rollback-containers.ts`, 'await restoreScaling(ctx, setup, goal, allPhases);', '')],
  },
];

export const SEEDED_BUGS: readonly SeededBug[] = [...CONTROL_PLANE_BUGS, ...DELEGATE_BUGS];

export function bugNamed(name: string): SeededBug | undefined {
  return SEEDED_BUGS.find((bug) => bug.name === name);
}

/** The edits of a bug that concern this file, given by its absolute path. */
export function editsOf(bug: SeededBug, path: string): readonly Edit[] {
  return bug.edits.filter(({ file }) => path === `${ROOT}${file}`);
}

/** The text with the edits. Throws when one of them does not stand exactly once in it: then it is about another text than today's. */
export function withEdits(text: string, edits: readonly Edit[]): string {
  let changed = text;
  for (const { file, find, replace } of edits) {
    const times = changed.split(find).length - 1;
    if (times !== 1) throw new Error(`${file}: stands ${times} times in it, must stand once: ${find}`);
    changed = changed.replace(find, () => replace);
  }
  return changed;
}

function edit(file: string, find: string, replace: string): Edit {
  return { file, find, replace };
}
