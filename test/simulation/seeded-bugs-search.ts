import { SEEDED_BUGS, type SeededBug } from './seeded-bugs.ts';
import { HistoriesWorker } from './workers.ts';

/** What came of the search for one seeded bug. */
export interface Search {
  readonly bug: SeededBug;
  /** Undefined: no history showed it. */
  readonly found: Found | undefined;
  /** Histories that were run with it. */
  readonly histories: number;
  readonly seconds: number;
}

export interface Found {
  readonly seed: number;
  /** The invariants that it breaks in this history. */
  readonly invariants: readonly string[];
  readonly detail: string;
}

export interface SearchOptions {
  /** Asked in their order, until one shows the bug. */
  readonly seeds: readonly number[];
}

/** Lets histories happen with the bug, one seed after the other, until one of them breaks an invariant. */
export async function searchFor(bug: SeededBug, { seeds }: SearchOptions): Promise<Search> {
  const began = performance.now();
  const worker = new HistoriesWorker({ bug: bug.name });
  try {
    let histories = 0;
    for (let from = 0; from < seeds.length; from += CHUNK) {
      const chunk = seeds.slice(from, from + CHUNK);
      const { tally, edits } = await worker.order({ kind: 'run', seeds: chunk, untilFailure: true }, 'tally');
      histories += tally.histories;
      if (edits < bug.edits.length) throw new Error(`${bug.name}: ${edits} of ${bug.edits.length} edits were made`);
      const [failed] = tally.failures;
      if (failed === undefined) continue;
      const invariants = [...new Set(failed.violations.map(({ invariant }) => invariant))];
      const found = { seed: failed.seed, invariants, detail: failed.violations[0]?.detail ?? '' };
      return { bug, found, histories, seconds: (performance.now() - began) / 1000 };
    }
    return { bug, found: undefined, histories, seconds: (performance.now() - began) / 1000 };
  } finally {
    await worker.end();
  }
}

/** Searches for all of them, so many at a time; the order of the answers is that of the bugs. */
export async function searchForAll(
  options: {
    readonly seedsOf: (bug: SeededBug) => readonly number[];
    readonly workers: number;
    readonly onSearched?: (search: Search) => void;
  },
  bugs: readonly SeededBug[] = SEEDED_BUGS,
): Promise<readonly Search[]> {
  const waiting = [...bugs];
  const searches: Search[] = [];
  const work = async (): Promise<void> => {
    for (let bug = waiting.shift(); bug !== undefined; bug = waiting.shift()) {
      const search = await searchFor(bug, { seeds: options.seedsOf(bug) });
      searches.push(search);
      options.onSearched?.(search);
    }
  };
  await Promise.all(Array.from({ length: options.workers }, work));
  return searches.toSorted((one, other) => bugs.indexOf(one.bug) - bugs.indexOf(other.bug));
}

const CHUNK = 50;

/** The searches as a table in Markdown. */
export function tableOf(searches: readonly Search[]): string {
  const rows = searches.map(({ bug, found, histories }) =>
    found === undefined
      ? `| \`${bug.name}\` | ${bug.what} | – | not in ${histories} |`
      : `| \`${bug.name}\` | ${bug.what} | ${found.invariants.join(', ')} | ${histories} |`,
  );
  return ['| bug | what goes wrong | broken | histories to find it |', '|---|---|---|---|', ...rows].join('\n');
}
