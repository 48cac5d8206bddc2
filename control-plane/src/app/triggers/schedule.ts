import { OutriderError } from '@outrider/shared/errors.ts';
import { Cron } from 'croner';

/**
 * The first time after `afterMs` that a schedule names; null: it never comes. An hour that the clocks leave out is made up
 * for when they are set; one that comes twice counts once for a fixed hour.
 * @throws request-invalid for what is no schedule
 */
export function nextTime(cron: string, timeZone: string, afterMs: number): number | null {
  requireTimeZone(timeZone);
  try {
    // The library reads single dates and nicknames, too.
    if (cron.trim().split(/\s+/).length !== 5) throw new TypeError('it has not five fields');
    const schedule = new Cron(cron, { timezone: timeZone, mode: '5-part', paused: true });
    return schedule.nextRun(new Date(afterMs))?.getTime() ?? null;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.replace(/^CronPattern: /, '') : String(cause);
    throw new OutriderError('request-invalid', `The schedule ${JSON.stringify(cron)} is wrong: ${why}`, {
      hint: 'Give minute, hour, day of the month, month and day of the week, such as 30 6 * * 1-5.',
      cause,
    });
  }
}

function requireTimeZone(timeZone: string): void {
  try {
    new Intl.DateTimeFormat('en', { timeZone });
  } catch (cause) {
    throw new OutriderError('request-invalid', `There is no time zone ${JSON.stringify(timeZone)}`, {
      hint: 'Give a name of the IANA database, such as Europe/Berlin or UTC.',
      cause,
    });
  }
}
