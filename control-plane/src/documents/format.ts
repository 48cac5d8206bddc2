import type { Problem } from '@outrider/shared/errors.ts';
import { printable } from './source.ts';

/**
 * A problem for a terminal: `file:line:column: message`, then the line that it stands in with carets below what is
 * meant, then the hint. Lines are joined by newlines; there is none at the end.
 */
export function formatProblem(problem: Problem): string {
  const lines = [`${placeText(problem)}${problem.message}`];
  const { excerpt, hint } = problem;
  if (excerpt !== undefined && excerpt.text.trim() !== '') {
    lines.push(`    ${excerpt.text}`, `    ${caretLine(excerpt)}`);
  }
  if (hint !== undefined) lines.push(`  hint: ${hint}`);
  return lines.map(printable).join('\n');
}

function placeText({ place, pointer }: Problem): string {
  if (place !== undefined) return `${place.file}:${place.line}:${place.column}: `;
  return pointer === undefined || pointer === '' ? '' : `${pointer}: `;
}

/** Tabs stay tabs, so that the carets stand below what they mean in any terminal. */
function caretLine({ text, offset, length }: NonNullable<Problem['excerpt']>): string {
  const before = text.slice(0, offset).replace(/[^\t]/g, ' ');
  return `${before}${'^'.repeat(Math.max(1, Math.min(length, text.length - offset)))}`;
}
