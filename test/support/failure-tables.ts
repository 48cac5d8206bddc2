import { type Pattern, verdictOf } from '@outrider/delegate/steps/why.ts';
import { EVENTS } from '@outrider/delegate/steps/why-events.ts';
import { STOPS } from '@outrider/delegate/steps/why-stops.ts';
import { TARGETS } from '@outrider/delegate/steps/why-targets.ts';

/** The tables of docs/failures.md, from the patterns that the delegate classifies with. */
export function failureTables(): string {
  return [
    table('When a task stops', STOPS, 'after `sameStops`'),
    table("When the service's events tell of trouble", EVENTS, 'at once'),
    table('When targets are not healthy', TARGETS, 'at once'),
  ].join('\n');
}

function table(title: string, patterns: readonly Pattern[], hopeless: string): string {
  const rows = new Set(
    patterns.map((pattern) => {
      const { code, cause, advice } = verdictOf(pattern);
      return `| \`${code}\` | ${cause} | ${advice} | ${pattern.passes === true ? endOf(pattern) : hopeless} |`;
    }),
  );
  const head = ['| code | what is said | what to do | given up |', '|---|---|---|---|'];
  return [`## ${title}`, '', ...head, ...rows, ''].join('\n');
}

function endOf(pattern: Pattern): string {
  return pattern.noPlace === true ? 'after `noPlaceSeconds`' : 'with the timeout';
}
