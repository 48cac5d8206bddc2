import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { POINTS, RECOVERIES, type RecordedCall } from './places.ts';
import type { Swept } from './sweep.ts';

/** The document that `npm run sweep` writes. */
export const MATRIX_FILE = fileURLToPath(new URL('../../docs/reliability-matrix.md', import.meta.url));

const HEAD = `# Reliability matrix

Written by \`npm run sweep\`; what it means and how it is made is told in [reliability.md](reliability.md). For each step and
each story of it, the calls that it makes of AWS when nothing interrupts it. At each of them a delegate was killed
(SIGKILL of its process): *before* the call had an effect, when it had and its answer was *lost*, and *after* its answer
had come. Each time the *same* delegate was started again with its disk, and another time an*other* delegate took the
step over. A cell tells how many of these runs ended exactly as the uninterrupted one: same outcome, output and facts;
same services, counts, settings, tags, task definitions, auto scaling, targets and listeners; nothing made twice; whole
log. A kill after a call that another call follows at once is the kill before that one, and is made once. \`(change)\`
marks calls that change something.
`;

/** The whole document. The same results give the same text. */
export function matrixText(all: readonly Swept[]): string {
  const cases = all.flatMap((swept) => swept.results);
  const right = cases.filter((result) => result.differences.length === 0);
  const calls = all.reduce((sum, swept) => sum + swept.calls.length, 0);
  const types = new Set(all.map((swept) => swept.type));
  const sum = `${types.size} step types, ${all.length} stories, ${calls} calls; of ${cases.length} runs with a kill, ${right.length} ended as the uninterrupted one.`;
  return [HEAD, sum, '', ...all.map(sectionText)].join('\n');
}

/** What the document has of one story. */
export function sectionText(swept: Swept): string {
  const { name, type, calls } = swept;
  const kinds = [...new Set(calls.map(kindOf))];
  const columns = POINTS.flatMap((point) => RECOVERIES.map((recovery) => `${point}, ${recovery}`));
  return [
    headingOf(type, name),
    '',
    `| call | times | ${columns.join(' | ')} |`,
    `|---|---|${columns.map(() => '---|').join('')}`,
    ...kinds.map((kind) => rowText(swept, kind)),
    '',
  ].join('\n');
}

export function headingOf(type: string, name: string): string {
  return `## \`${type}\`: ${name}`;
}

/** The section that a story has when all its runs end rightly. */
export function rightSection(name: string, type: string, calls: readonly RecordedCall[]): string {
  const places = calls.flatMap((_, index) =>
    POINTS.flatMap((point) => RECOVERIES.map((recovery) => ({ call: index + 1, point, recovery }))),
  );
  return sectionText({ name, type, calls, results: places.map((place) => ({ place, differences: [] })) });
}

export function committedMatrix(): string {
  return readFileSync(MATRIX_FILE, 'utf8');
}

function rowText({ calls, results }: Swept, kind: string): string {
  const isOfKind = (call: number) => calls[call - 1] !== undefined && kindOf(calls[call - 1]) === kind;
  const cells = POINTS.flatMap((point) =>
    RECOVERIES.map((recovery) => {
      const here = results.filter(
        ({ place }) => isOfKind(place.call) && place.point === point && place.recovery === recovery,
      );
      return `${here.filter((result) => result.differences.length === 0).length}/${here.length}`;
    }),
  );
  return `| ${kind} | ${calls.filter((call) => kindOf(call) === kind).length} | ${cells.join(' | ')} |`;
}

function kindOf(call: RecordedCall | undefined): string {
  if (call === undefined) return '';
  return `${call.service} ${call.operation}${call.mutates ? ' (change)' : ''}`;
}
