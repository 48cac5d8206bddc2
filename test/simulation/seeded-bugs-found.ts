import { readFileSync, writeFileSync } from 'node:fs';
import type { Search } from './seeded-bugs-search.ts';

/** Where each seeded bug was found when it was last searched for: `npm run seeded-bugs -- --write` writes it anew. */
export interface Finding {
  readonly name: string;
  /** The first seed whose history shows it. */
  readonly seed: number;
  /** Histories that were run until then. */
  readonly histories: number;
  readonly invariants: readonly string[];
}

const FILE = new URL('seeded-bugs-found.json', import.meta.url);

export function readFindings(): readonly Finding[] {
  const value: unknown = JSON.parse(readFileSync(FILE, 'utf8'));
  if (!Array.isArray(value)) throw new Error('seeded-bugs-found.json is not a list');
  return value.map(asFinding);
}

/** One line for each. */
export function writeFindings(searches: readonly Search[]): void {
  const lines = searches.flatMap(({ bug, found, histories }) => {
    if (found === undefined) return [];
    const finding: Finding = { name: bug.name, seed: found.seed, histories, invariants: found.invariants };
    const invariants = finding.invariants.map((id) => `"${id}"`).join(', ');
    return [
      `  { "name": "${finding.name}", "seed": ${finding.seed}, "histories": ${finding.histories}, "invariants": [${invariants}] }`,
    ];
  });
  writeFileSync(FILE, `[\n${lines.join(',\n')}\n]\n`);
}

function asFinding(value: unknown): Finding {
  if (typeof value !== 'object' || value === null) throw new Error('a finding is an object');
  const { name, seed, histories, invariants } = Object.fromEntries(Object.entries(value));
  if (typeof name !== 'string' || typeof seed !== 'number' || typeof histories !== 'number') {
    throw new Error(`not a finding: ${JSON.stringify(value)}`);
  }
  return { name, seed, histories, invariants: Array.isArray(invariants) ? invariants.map(String) : [] };
}
