import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { Journal, type JournalOptions } from '@outrider/delegate/agent/journal.ts';
import { eventually } from '../../support/processes.ts';
import { done, Rig } from './rig.ts';

describe('what must be on the disk first', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await Rig.start();
  });
  afterEach(() => rig.close());

  test('an accept, the work, a change of AWS and a result each wait for their record, whatever the disk takes', async () => {
    const events: string[] = [];
    rig.engine.refuse = (input) => {
      events.push(`control plane: ${input.kind}`);
      return undefined;
    };
    const slowDisk = async (options: JournalOptions) => {
      const journal = await Journal.open(options);
      return {
        state: journal.state,
        full: false,
        append: async (record: Parameters<Journal['append']>[0]) => {
          events.push(`disk: ${record.kind} begun`);
          // Long enough for whatever does not wait to overtake it.
          await new Promise((resolve) => setTimeout(resolve, 60));
          await journal.append(record);
          events.push(`disk: ${record.kind}`);
        },
        close: () => journal.close(),
      };
    };
    await rig.delegate(
      'one',
      async (_task, _facts, ctx) => {
        events.push('work begins');
        await ctx.checkpoint({ before: 1 });
        events.push('AWS is changed');
        return done();
      },
      {},
      { openJournal: slowDisk },
    );
    const id = await rig.enqueue('p1.1');
    await eventually('it has ended', async () => ((await rig.row(id)).state === 'ended' ? true : undefined));
    await eventually('it is acknowledged', () => (events.includes('disk: acknowledged') ? true : undefined));
    assert.deepEqual(events, [
      'disk: accepted begun',
      'disk: accepted',
      'control plane: task-accepted',
      'disk: started begun',
      'disk: started',
      'work begins',
      'disk: checkpoint begun',
      'disk: checkpoint',
      'control plane: task-checkpointed',
      'disk: committed begun',
      'disk: committed',
      'AWS is changed',
      'disk: result begun',
      'disk: result',
      'control plane: task-ended',
      'disk: acknowledged begun',
      'disk: acknowledged',
    ]);
  });
});
