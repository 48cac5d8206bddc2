import { decodeLogLine } from '@outrider/shared/logs.ts';
import type { Run } from './bench.ts';
import type { Place } from './places.ts';
import { textWithoutIds } from './without-ids.ts';

/**
 * The log of a run whose delegate was killed, beside the log of the uninterrupted run:
 *
 * L1 What the killed delegate wrote is how the uninterrupted log begins, word for word.
 * L2 Restarted with its disk, the log keeps all of that. Taken over by another, it keeps a beginning of it, and the next
 *    line says that the last of it may be missing.
 * L3 The next line says that the step is resumed, unless nothing had been said yet, or all had and only the result was left.
 * L4 After it come, in their order, all lines that were not written before, but for those of TOLD_OTHERWISE. Events of AWS have
 *    an order of their own: they happen while nobody looks, too.
 * L5 After it, nothing is said that the uninterrupted log does not say, but for what TOLD_OTHERWISE has instead, and looks.
 * L6 The last line is that of the uninterrupted log.
 */
export function logDifferences(whole: Run, cut: Run, place: Place): string[] {
  const lines = textsOf(whole.log);
  const stored = textsOf(cut.log);
  const victim = textsOf(cut.victimLog);
  const found: string[] = [];
  const say = (rule: string, text: string) => found.push(`the log (${rule}): ${text}`);

  if (!startsWith(lines, victim)) say('L1', `the killed delegate wrote ${firstDifference(lines, victim)}`);
  const handover = stored.findIndex((line) => ELSEWHERE.test(line));
  const kept = handover === -1 ? victim.length : handover;
  if (place.recovery === 'other' && handover === -1) say('L2', 'it does not say that the step went elsewhere');
  if (place.recovery === 'same' && handover !== -1) say('L2', 'it says that the step went elsewhere');
  if (!startsWith(victim, stored.slice(0, kept)))
    say('L2', `it keeps ${firstDifference(victim, stored.slice(0, kept))}`);
  if (stored.at(-1) !== lines.at(-1)) say('L6', `it ends with "${stored.at(-1) ?? ''}"`);

  const rest = stored.slice(handover === -1 ? kept : handover + 1);
  const resultWasLeft = rest.length === 0 && victim.length === lines.length && place.recovery === 'same';
  if (!resultWasLeft) {
    const resumes = RESUMING.test(rest[0] ?? '');
    if (!resumes && victim.length > 0) say('L3', `it goes on with "${rest[0] ?? ''}"`);
    const again = resumes ? rest.slice(1) : rest;
    const said = (line: string) => !LOOKS.test(line) && !(whole.outcome.outcome === 'failed' && EVIDENCE.test(line));
    const needed = lines.slice(victim.length).filter(said);
    for (const ofKind of [isEvent, (line: string) => !isEvent(line)]) {
      const missing = untold(needed.filter(ofKind), again.filter(said).filter(ofKind), victim.at(-1) ?? '');
      for (const line of missing) say('L4', `"${line}" is missing`);
    }
    for (const line of unheardOf(lines, again.filter(said))) say('L5', `"${line}" is said by no uninterrupted run`);
  }
  if (found.length > 0) found.push(`the log in full:\n  ${stored.join('\n  ')}`);
  return found;
}

const ELSEWHERE = /^The step goes on elsewhere: /;
const RESUMING = /^Resuming .*; what is done already is kept$/;
/** How far it is: said as often as somebody looks. */
const LOOKS = /^(Waiting for pending tasks to finish\. |\d+ tasks have not completed$|arn:\S+ : (?!STOPPED)[A-Z]+ : )/;
/** What a failure is known by: what goes wrong goes on while nobody looks, so that it is seen at another moment. */
const EVIDENCE = /^( {2})?(# AWS Event: |Task \w+ stopped: |What to do: )/;

const isEvent = (line: string) => line.startsWith('# AWS Event: ');

interface ToldOtherwise {
  /** The last line of the killed delegate: a change begins. */
  readonly begun: RegExp;
  /** Lines that follow it when the change is made, and need not when it is found made. */
  readonly spared: RegExp;
  /** What is said of a change that is found made; undefined: that what follows goes on tells enough. */
  readonly instead?: RegExp;
}

/** What a step that goes on says of a change which the killed delegate had made, and could not tell of any more. */
const TOLD_OTHERWISE: readonly ToldOtherwise[] = [
  {
    begun: /^(Resize service|Waiting for service: .* to reflect|Current service desired count return) /,
    spared:
      /^(Resize service |Waiting for service: .* to reflect |Current service desired count return |Service update request )/,
    instead: /^Service \[.*\] in cluster \[.*\] stays at \d+ instances$/,
  },
  { begun: /^De-registering Scalable Target :/, spared: /^De-registered Scalable Target Successfully: / },
  { begun: /^Deleting existing Service /, spared: /^Deleted existing Service / },
];

/** Lines of `wanted` that `found` has not in their order and that nothing excuses. */
function untold(wanted: readonly string[], found: readonly string[], last: string): string[] {
  const told = TOLD_OTHERWISE.find(({ begun }) => begun.test(last));
  const excused = told !== undefined && (told.instead === undefined || found.some((line) => told.instead?.test(line)));
  // Only the lines of that one change are: those that follow the killed delegate's last one.
  let spared = 0;
  while (excused && told.spared.test(wanted[spared] ?? '')) spared += 1;
  return missingFrom(wanted.slice(spared), found);
}

function unheardOf(lines: readonly string[], found: readonly string[]): string[] {
  const known = new Set(lines.map(textWithoutIds));
  return found.filter(
    (line) => !known.has(textWithoutIds(line)) && !TOLD_OTHERWISE.some(({ instead }) => instead?.test(line)),
  );
}

/** Lines of `wanted` that are left over when it is laid along `found` as well as it goes. */
function missingFrom(wanted: readonly string[], found: readonly string[]): string[] {
  const a = wanted.map(textWithoutIds);
  const b = found.map(textWithoutIds);
  // Of the lines from i and j on, how many go along with one another.
  const common = Array.from({ length: a.length + 1 }, () => b.map(() => 0));
  const at = (i: number, j: number) => common[i]?.[j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const row = common[i];
      if (row !== undefined) row[j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const missing: string[] = [];
  for (let i = 0, j = 0; i < a.length; ) {
    if (j < b.length && a[i] === b[j]) {
      i += 1;
      j += 1;
    } else if (j < b.length && at(i, j + 1) >= at(i + 1, j)) j += 1;
    else missing.push(wanted[i++] ?? '');
  }
  return missing;
}

function textsOf(log: string): string[] {
  return log
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => decodeLogLine(line).text);
}

function startsWith(lines: readonly string[], beginning: readonly string[]): boolean {
  return beginning.every((line, index) => line === lines[index]);
}

function firstDifference(wanted: readonly string[], found: readonly string[]): string {
  const at = found.findIndex((line, index) => line !== wanted[index]);
  return `"${found[at] ?? ''}" where "${wanted[at] ?? ''}" was to be expected`;
}
