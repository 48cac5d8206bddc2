/** Pieces of text that all screens share. Times are UTC, as in the logs. */

/** `<1s`, `58s`, `7m11s`, `2h05m`, `3d`. */
export function spanText(milliseconds: number): string {
  if (milliseconds < 950) return '<1s';
  const seconds = Math.round(milliseconds / 1_000);
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)}h${two(Math.floor((seconds % 3_600) / 60))}m`;
  return `${Math.floor(seconds / 86_400)}d`;
}

/** `14:03:33Z` */
export function clockText(iso: string): string {
  return `${iso.slice(11, 19)}Z`;
}

/** A time of the API and how long ago it was: `2h05m ago`. */
export function agoText(iso: string | null, nowMs: number): string {
  return iso === null ? '–' : `${spanText(nowMs - Date.parse(iso))} ago`;
}

/** Columns under headings, two spaces apart; the last one is as wide as it is. Nothing for no rows. */
export function tableText(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (cells: readonly string[]) =>
    `${cells
      .map((cell, column) => (column === cells.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd()}\n`;
  return [headings, ...rows].map(line).join('');
}

/** Cut at the width of the screen, with a mark. */
export function fitText(line: string, columns: number): string {
  return line.length <= columns ? line : `${line.slice(0, Math.max(0, columns - 1))}…`;
}

/** What comes from elsewhere and goes to a terminal: control characters are shown, not obeyed. */
export function plainText(text: string): string {
  let plain = '';
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    const isControl = (code < 0x20 && character !== '\n' && character !== '\t') || (code >= 0x7f && code < 0xa0);
    plain += isControl ? `\\x${code.toString(16).padStart(2, '0')}` : character;
  }
  return plain;
}

/** The same for every text within JSON, names of fields included. */
export function plainJson(value: unknown): unknown {
  if (typeof value === 'string') return plainText(value);
  if (Array.isArray(value)) return value.map(plainJson);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [plainText(name), plainJson(member)]));
}

/** A shell word that means this text. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_./:=@%+,-]+$/.test(text) ? text : `"${text.replace(/(["\\$`])/g, '\\$1')}"`;
}

function two(number: number): string {
  return String(number).padStart(2, '0');
}
