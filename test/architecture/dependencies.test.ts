import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { WORKSPACES } from './rules.ts';
import { dependenciesOf, ROOT } from './tree.ts';

interface Row {
  readonly name: string;
  readonly usedBy: readonly string[];
  readonly cells: readonly string[];
}

interface LockedPackage {
  readonly resolved?: string;
  readonly link?: boolean;
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const places = [...WORKSPACES, 'root'] as const;
const declaredIn = (place: string): readonly string[] =>
  Object.keys(dependenciesOf(place === 'root' ? '' : place, 'all')).filter((name) => !name.startsWith('@outrider/'));

function documentedRows(): readonly Row[] {
  const lines = readFileSync(path.join(ROOT, 'docs', 'dependencies.md'), 'utf8').split('\n');
  return lines
    .filter((line) => line.startsWith('| `'))
    .map((line) => {
      const cells = line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim());
      const [name = '', usedBy = ''] = cells;
      return {
        name: name.replaceAll('`', ''),
        usedBy: usedBy.split(', ').map((user) => user.replace(/ \(.*\)$/, '')),
        cells,
      };
    });
}

function lockedPackages(): ReadonlyMap<string, LockedPackage> {
  const lock: { packages: Record<string, LockedPackage> } = JSON.parse(
    readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8'),
  );
  return new Map(Object.entries(lock.packages));
}

describe('docs/dependencies.md', () => {
  test('has a row for every dependency of every package.json, and no row for anything else', () => {
    const declared = new Set(places.flatMap(declaredIn));
    const documented = documentedRows().map((row) => row.name);
    assert.deepEqual(documented.toSorted(), [...declared].toSorted());
  });

  test('names who uses each, what for and why', () => {
    for (const { name, usedBy, cells } of documentedRows()) {
      const users = places.filter((place) => declaredIn(place).includes(name));
      assert.deepEqual(usedBy.toSorted(), users.toSorted(), `${name} is declared by ${users.join(', ')}`);
      assert.equal(cells.length, 5, `${name} has ${cells.length} cells`);
      assert.ok(
        cells.every((cell) => cell !== ''),
        `${name} has an empty cell`,
      );
    }
  });
});

describe('the lock file', () => {
  test('names no download address and holds a checksum for every package', () => {
    for (const [place, locked] of lockedPackages()) {
      if (place === '' || !place.includes('node_modules/')) continue;
      if (locked.link === true) continue;
      assert.equal(locked.resolved, undefined, `${place} is resolved to ${locked.resolved}`);
      assert.match(locked.integrity ?? '', /^sha512-/, `${place} has no checksum`);
    }
  });

  test('holds every package that another one wants, those of other platforms too: a clean install refuses it otherwise', () => {
    const packages = lockedPackages();
    for (const [place, locked] of packages) {
      for (const name of Object.keys({ ...locked.dependencies, ...locked.optionalDependencies })) {
        assert.ok(
          reachable(packages, place, name),
          `${place || 'the root'} wants ${name}, which is not in package-lock.json`,
        );
      }
    }
  });

  test('every package.json is locked as it stands', () => {
    const packages = lockedPackages();
    for (const place of ['', ...WORKSPACES]) {
      const { dependencies, devDependencies } = packages.get(place) as {
        dependencies?: object;
        devDependencies?: object;
      };
      assert.deepEqual(
        { ...devDependencies, ...dependencies },
        dependenciesOf(place, 'all'),
        `${place || 'the root'}: run npm install`,
      );
    }
  });
});

/** Where Node would find `name` from the package at `place`: there, or in any folder above. */
function reachable(packages: ReadonlyMap<string, LockedPackage>, place: string, name: string): boolean {
  for (let from = place; ; from = from.slice(0, Math.max(0, from.lastIndexOf('/')))) {
    if (packages.has(from === '' ? `node_modules/${name}` : `${from}/node_modules/${name}`)) return true;
    if (from === '') return false;
  }
}
