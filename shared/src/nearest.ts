/** Names longer than this are not compared: nobody misspells one name into another of that length. */
const COMPARED_LENGTH = 64;
/** Names given as candidates beyond these are not looked at. */
const COMPARED_NAMES = 2_000;

/**
 * The names that somebody who wrote `written` probably meant, best first. A name is near when a third of its letters
 * differ at most, when only case or separators differ, or when one begins with the other.
 */
export function nearestNames(written: string, names: Iterable<string>, limit = 3): readonly string[] {
  const wanted = folded(written);
  if (wanted === '' || wanted.length > COMPARED_LENGTH) return [];
  const near: { readonly name: string; readonly distance: number }[] = [];
  let seen = 0;
  for (const name of names) {
    if (++seen > COMPARED_NAMES) break;
    const distance = distanceOf(wanted, folded(name));
    if (name !== written && distance !== undefined) near.push({ name, distance });
  }
  near.sort((one, other) => one.distance - other.distance || (one.name < other.name ? -1 : 1));
  return near.slice(0, limit).map((entry) => entry.name);
}

/** `did you mean "a", "b" or "c"?`, or undefined when nothing is near. */
export function didYouMean(written: string, names: Iterable<string>): string | undefined {
  const near = nearestNames(written, names);
  return near.length === 0 ? undefined : `did you mean ${listed(near, 'or')}?`;
}

/** `"a", "b" or "c"`; what is beyond `limit` is counted. */
export function listed(names: readonly string[], joint: 'and' | 'or', limit = 20): string {
  const quoted = names.slice(0, limit).map((name) => `"${name}"`);
  if (names.length > limit) return `${quoted.join(', ')} … and ${names.length - limit} more`;
  const last = quoted.pop() ?? '';
  return quoted.length === 0 ? last : `${quoted.join(', ')} ${joint} ${last}`;
}

function folded(name: string): string {
  return name.toLowerCase().replace(/[\s_.-]+/g, '');
}

function distanceOf(wanted: string, name: string): number | undefined {
  if (name === '' || name.length > COMPARED_LENGTH) return undefined;
  const limit = Math.max(1, Math.floor(Math.max(wanted.length, name.length) / 3));
  if (Math.abs(wanted.length - name.length) <= limit) {
    const distance = editDistance(wanted, name);
    if (distance <= limit) return distance;
  }
  const shorter = Math.min(wanted.length, name.length);
  return shorter >= 3 && (name.startsWith(wanted) || wanted.startsWith(name)) ? limit + 1 : undefined;
}

/** Insertions, deletions, replacements and swaps of neighbours that turn one text into the other. */
export function editDistance(one: string, other: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let row = 1; row <= one.length; row++) {
    const current = [row];
    for (let column = 1; column <= other.length; column++) {
      const replaced = at(last, column - 1) + (one[row - 1] === other[column - 1] ? 0 : 1);
      let best = Math.min(at(last, column) + 1, at(current, column - 1) + 1, replaced);
      if (row > 1 && column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1]) {
        best = Math.min(best, at(beforeLast, column - 2) + 1);
      }
      current.push(best);
    }
    beforeLast = last;
    last = current;
  }
  return at(last, other.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.MAX_SAFE_INTEGER;
}
