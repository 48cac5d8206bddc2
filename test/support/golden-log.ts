import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

/**
 * The log text of the two pages that Outrider is built from, cut out of them unchanged, and how a log of ours is held
 * against it.
 *
 * What is taken off the pages' text: no-break spaces become spaces; the indentation and the trailing blanks of Markdown, the author's comments
 * (`**# …**`), the blank lines between entries, and the prefix `INFO   2019-01-07 13:32:54    `. A prefix with nothing
 * after it is an empty line of the log and stays. In the canary's log, which has no prefixes, an indented empty line
 * stands for an empty line of the log.
 *
 * What counts as equal on both sides: container and task ids, times, addresses and ports, account, region and cluster
 * in ARNs, revisions and the version at the end of a service name.
 */

export type GoldenName = 'seed-setup' | 'seed-resize' | 'seed-canary-deploy' | 'seed-canary-delete';

/** The lines of a page's log, ready for comparison with the texts of a log of ours. */
export function goldenLines(name: GoldenName): readonly string[] {
  const text = readFileSync(new URL(`../golden/${name}.txt`, import.meta.url), 'utf8').replaceAll('\u00a0', ' ');
  return text.startsWith('INFO') ? prefixedLines(text) : plainLines(text);
}

/** Line for line the same; only lines that say what is being waited for may stand several times. */
export function matchExactly(actual: readonly string[], golden: readonly string[]): void {
  assert.deepEqual(withoutRepeats(actual.map(normalizeLine)), withoutRepeats(golden.map(normalizeLine)));
}

/** Every golden line is there, in the golden order, with other lines between them. */
export function isOrderedPart(actual: readonly string[], golden: readonly string[]): void {
  const lines = actual.map(normalizeLine);
  let from = 0;
  for (const wanted of withoutRepeats(golden.map(normalizeLine))) {
    const at = lines.indexOf(wanted, from);
    assert.ok(at >= 0, `missing, or out of order: ${JSON.stringify(wanted)}\nin:\n${lines.join('\n')}`);
    from = at + 1;
  }
}

/** Ids, times, addresses and version numbers as placeholders. */
export function normalizeLine(line: string): string {
  return line
    .replace(/\s+$/, '')
    .replace(/arn:aws[a-z-]*:([a-z-]+):[a-z0-9-]*:[0-9]*:/g, 'arn:aws:$1:REGION:ACCOUNT:')
    .replace(/:service\/[A-Za-z0-9_-]+\//g, ':service/CLUSTER/')
    .replace(/[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}/g, 'TIME')
    .replace(/\b[0-9a-f]{32}\b/g, 'ID')
    .replace(/^ {2}[0-9a-f]{12} - /, '  ID - ')
    .replace(/\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?::[0-9]+)?/g, 'ADDRESS')
    .replace(/([A-Za-z0-9-]):[0-9]+(?= with Arn|\.\.| and desired|$)/g, '$1:N')
    .replace(/\b([A-Za-z][A-Za-z0-9_-]*?__)[0-9]+(?![A-Za-z0-9_-])/g, '$1N');
}

function prefixedLines(text: string): string[] {
  const prefix = /^(?:INFO|WARN|ERROR) +[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8} {4}/;
  return text
    .split('\n')
    .filter((line) => prefix.test(line))
    .map((line) => line.replace(prefix, '').replace(/\s+$/, ''));
}

function plainLines(text: string): string[] {
  const lines = text.split('\n').map((line) => line.replace(/^\t/, '').replace(/\s+$/, ''));
  while (lines.at(-1) === '') lines.pop();
  return lines;
}

const WAITING = /^Waiting for pending tasks to finish\./;

/** Runs of the same waiting line count once. */
function withoutRepeats(lines: readonly string[]): string[] {
  return lines.filter((line, index) => !(WAITING.test(line) && line === lines[index - 1]));
}
