import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Tree } from './rules.ts';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');

const SOURCES = '{shared,control-plane,delegate,simulator,proto,test}/**/*.{ts,tsx,mts,js,mjs}';
const NOT_OURS = ['**/node_modules/**', '**/dist/**'];

export interface PackageFile {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** The project's own tree, read from disk. */
export function readTree(): Tree {
  const paths = globSync(SOURCES, { cwd: ROOT, exclude: NOT_OURS }).map((file) => file.split(path.sep).join('/'));
  return {
    files: paths.toSorted().map((file) => ({ path: file, text: readFileSync(path.join(ROOT, file), 'utf8') })),
    exists: (file) => existsSync(path.join(ROOT, file)),
    declared: (workspace, which) => new Set(Object.keys(dependenciesOf(workspace, which))),
  };
}

/** The dependencies that the package.json of a workspace ('' for the root) names, with their ranges: those it runs with, or all. */
export function dependenciesOf(workspace: string, which: 'runtime' | 'all'): Readonly<Record<string, string>> {
  const file: PackageFile = JSON.parse(readFileSync(path.join(ROOT, workspace, 'package.json'), 'utf8'));
  const runtime = { ...file.peerDependencies, ...file.optionalDependencies, ...file.dependencies };
  return which === 'runtime' ? runtime : { ...file.devDependencies, ...runtime };
}
