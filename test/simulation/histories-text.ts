import { EXPECTED } from './coverage.ts';
import type { Progress, Summary } from './histories.ts';
import { INVARIANTS } from './invariants.ts';
import type { SmallHistory } from './shrink-history.ts';
import type { FailedHistory } from './worker-protocol.ts';

/** What a run of histories says on the screen. */

export function progressLine({ histories, events, failures, seconds }: Progress, count: number): string {
  const left = histories === 0 ? 0 : ((count - histories) * seconds) / histories;
  return (
    `${histories} of ${count} histories, ${rate(histories, seconds)}/s, ${events} events, ` +
    `${failures} failed, ${Math.round(left)} s left`
  );
}

export function summaryText(summary: Summary): string {
  const { histories, events, failures, redrawn, seconds, longest, counts } = summary;
  const never = EXPECTED.filter((kind) => !counts.has(kind));
  const lines = [
    `${histories} histories in ${seconds.toFixed(1)} s: ${rate(histories, seconds)} histories/s, ${rate(events, seconds)} events/s`,
    `${events} events, ${Math.round(events / Math.max(1, histories))} a history; the longest: seed ${longest.seed}, ${longest.events} events, ${longest.ms} ms`,
    `${failures} failed; ${redrawn} more were too thin to show anything, and drawn anew`,
    '',
    'What occurred, and how often:',
    ...families(summary),
  ];
  if (never.length > 0) lines.push('', `Never occurred: ${never.join(', ')}`);
  return lines.join('\n');
}

/** One line for each family: `message  accept 12 034, batch 88 120, …`. */
function families({ counts }: Summary): string[] {
  const byFamily = new Map<string, string[]>();
  for (const [kind, times] of [...counts].toSorted(([one], [other]) => (one < other ? -1 : 1))) {
    const at = kind.indexOf(':');
    const family = kind.slice(0, at);
    byFamily.set(family, [...(byFamily.get(family) ?? []), `${kind.slice(at + 1)} ${times}`]);
  }
  return [...byFamily].map(([family, kinds]) => `  ${family.padEnd(11)} ${kinds.join(', ')}`);
}

/** A failure as somebody needs it who has to mend what it shows. */
export function failureText({ seed, violations }: FailedHistory, small: SmallHistory): string {
  const [first] = violations;
  const says = INVARIANTS.find(({ id }) => id === first?.invariant)?.says;
  return [
    `Seed ${seed} breaks ${first?.invariant ?? '?'}: ${first?.detail ?? ''}`,
    ...(says === undefined ? [] : [`  ${first?.invariant}: ${says}`]),
    ...violations.slice(1, 5).map(({ invariant, detail }) => `  also ${invariant}: ${detail}`),
    '',
    `Made smaller (${small.runs} histories): ${small.says}`,
    JSON.stringify(small.script),
    '',
    ...small.trace,
    '',
    'Mend it, and keep it: add this script with a sentence about the defect to test/simulation/regressions.ts.',
  ].join('\n');
}

function rate(count: number, seconds: number): string {
  const perSecond = seconds === 0 ? 0 : count / seconds;
  return perSecond < 100 ? perSecond.toFixed(1) : String(Math.round(perSecond));
}
