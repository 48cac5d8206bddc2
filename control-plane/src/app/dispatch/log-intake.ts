import { encodeGapLine } from '@outrider/shared/protocol/gap-line.ts';
import type { LogMessage, LogReply, RefusalCode, TaskRef } from '@outrider/shared/protocol/messages.ts';
import { LOG_ATTEMPT_MAX_BYTES } from '@outrider/shared/protocol/timings.ts';
import type { LogStore } from '../ports.ts';
import { type DispatchContext, standingOf } from './context.ts';
import type { Session } from './registry.ts';

type Appended = Awaited<ReturnType<LogStore['appendLog']>>;

/** Stores lines and answers once they are durable. Lines of one task are stored in the order in which they came. */
export async function takeLog(context: DispatchContext, session: Session, message: LogMessage): Promise<LogReply> {
  return await context.locks.run([`log ${message.taskId}`], async () => {
    const { taskId, epoch } = message;
    if (session.held.get(taskId) !== epoch) {
      const standing = await standingOf(context, session, message);
      if (standing.kind === 'refused') {
        return refused(message, standing.code, standing.row?.logBytes ?? 0, standing.because);
      }
      if (standing.row.state === 'ended') {
        return refused(message, 'task-ended', standing.row.logBytes, 'the task is over');
      }
    }
    const bytes = bytesOf(message);
    if (message.offset + bytes.length > LOG_ATTEMPT_MAX_BYTES) {
      const because = `the log of an attempt has at most ${LOG_ATTEMPT_MAX_BYTES} bytes`;
      return refused(message, 'invalid', (await context.store.getTask(taskId))?.logBytes ?? 0, because);
    }
    const appended = await context.store.appendLog(
      { taskId, epoch, instanceId: session.instanceId },
      message.offset,
      bytes,
    );
    if (appended.kind === 'ok') {
      if (message.kind === 'gap') {
        const { droppedLines, droppedBytes } = message;
        context.logger.warn({ taskId, delegate: session.delegate, droppedLines, droppedBytes }, 'A log has a gap');
      }
      context.logAppended.tell(taskId, appended.durableOffset);
    }
    return reply(message, appended);
  });
}

function bytesOf(message: LogMessage): Uint8Array {
  return message.kind === 'batch' ? message.data : Buffer.from(encodeGapLine(message));
}

function reply(message: LogMessage, appended: Appended): LogReply {
  const { taskId, epoch } = message;
  switch (appended.kind) {
    case 'ok':
      return { kind: 'ack', taskId, epoch, durableOffset: appended.durableOffset };
    case 'stale':
      return refused(message, 'stale-epoch', appended.durableOffset, `epoch ${epoch} is over`);
    case 'gap':
      return refused(
        message,
        'invalid',
        appended.durableOffset,
        `offset ${message.offset} is beyond the end of the log`,
      );
    case 'unknown-task':
      return refused(message, 'unknown-task', 0, `there is no task ${taskId}`);
  }
}

function refused({ taskId, epoch }: TaskRef, code: RefusalCode, durableOffset: number, message: string): LogReply {
  return { kind: 'refused', taskId, epoch, code, durableOffset, message };
}
