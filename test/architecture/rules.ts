import path from 'node:path';
import { type Scan, scan, type Token } from './scan.ts';

/** A text file of the tree; `path` is relative to the root, with slashes. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

export interface Tree {
  /** TypeScript and JavaScript files: sources, tests and tools; generated ones too. */
  readonly files: readonly SourceFile[];
  /** Whether a file that is not a source (JSON) exists. */
  readonly exists: (file: string) => boolean;
  /** Names of the packages that a workspace ('' for the root) declares: those it runs with, or all, those it is only checked and tested with too. */
  readonly declared: (workspace: string, which: 'runtime' | 'all') => ReadonlySet<string>;
}

/** Where an import leads. */
export type Target =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'builtin'; readonly name: string }
  | { readonly kind: 'package'; readonly name: string }
  | { readonly kind: 'unknown' };

export const WORKSPACES = ['shared', 'control-plane', 'delegate', 'simulator'] as const;

/** Lines of a file, at most; generated files are exempt. */
export const LONGEST_FILE_LINES = 499;

interface ImportRule {
  readonly name: string;
  readonly of: (file: string) => boolean;
  readonly allows: (target: Target, file: string, typeOnly: boolean) => boolean;
}

const under = (file: string, ...folders: readonly string[]): boolean =>
  folders.some((folder) => file.startsWith(folder));
const leadsTo = (target: Target, ...folders: readonly string[]): boolean =>
  target.kind === 'file' && under(target.path, ...folders);
const isPackage = (target: Target, ...names: readonly string[]): boolean =>
  target.kind === 'package' && names.includes(target.name);
const isAwsSdk = (target: Target): boolean =>
  target.kind === 'package' && (target.name.startsWith('@aws-sdk/') || target.name.startsWith('@smithy/'));
const isGenerated = (file: string): boolean => file.includes('/generated/');
const isSource = (file: string): boolean => under(file, ...WORKSPACES.map((workspace) => `${workspace}/`));

/** What both ends of the HTTP API know of it: shapes, problems, roles, how documents travel, names of variables. It does nothing by itself. */
const API_DESCRIPTION: readonly string[] = [
  'control-plane/src/http/api-schemas.ts',
  'control-plane/src/http/document-reader.ts',
  'control-plane/src/http/problem.ts',
  'control-plane/src/auth/roles.ts',
  'control-plane/src/config.ts',
  'control-plane/src/version.ts',
];

/** Who may import whom. Every rule that covers a file must allow each of its imports. */
const IMPORT_RULES: readonly ImportRule[] = [
  {
    name: 'shared imports only itself and zod; its protocol folder protobufjs and proto-loader too',
    of: (file) => under(file, 'shared/') && !isGenerated(file),
    allows: (target, file) =>
      leadsTo(target, 'shared/src/') ||
      isPackage(target, 'zod') ||
      (under(file, 'shared/src/protocol/') && isPackage(target, 'protobufjs', '@grpc/proto-loader')),
  },
  {
    name: 'generated protocol types import only themselves and types of gRPC',
    of: (file) => under(file, 'shared/') && isGenerated(file),
    allows: (target, file) =>
      leadsTo(target, `${file.slice(0, file.indexOf('/generated/'))}/generated/`) ||
      isPackage(target, '@grpc/grpc-js', '@grpc/proto-loader'),
  },
  {
    name: 'the domain imports only itself and shared',
    of: (file) => under(file, 'control-plane/src/domain/'),
    allows: (target) => leadsTo(target, 'control-plane/src/domain/', 'shared/src/'),
  },
  {
    name: 'use cases own their ports: the engine never imports what stands behind them (grpc, http, store, cli)',
    of: (file) => under(file, 'control-plane/src/app/'),
    allows: (target) =>
      !leadsTo(
        target,
        'control-plane/src/grpc/',
        'control-plane/src/http/',
        'control-plane/src/store/',
        'control-plane/src/cli/',
      ),
  },
  {
    name: 'the command line talks HTTP: it imports itself, documents, shared, and what describes the API',
    of: (file) => under(file, 'control-plane/src/cli/'),
    allows: (target) =>
      target.kind !== 'file' ||
      leadsTo(target, 'control-plane/src/cli/', 'control-plane/src/documents/', 'shared/src/') ||
      API_DESCRIPTION.includes(target.path),
  },
  {
    name: 'the console talks HTTP: it imports itself',
    of: (file) => under(file, 'control-plane/console/'),
    allows: (target) => target.kind === 'package' || leadsTo(target, 'control-plane/console/'),
  },
  {
    name: 'the control plane imports nothing of the delegate or the simulator',
    of: (file) => under(file, 'control-plane/') && !under(file, 'control-plane/bin/'),
    allows: (target) => !leadsTo(target, 'delegate/', 'simulator/'),
  },
  {
    name: 'the delegate imports nothing of the control plane or the simulator',
    of: (file) => under(file, 'delegate/'),
    allows: (target) => !leadsTo(target, 'control-plane/', 'simulator/'),
  },
  {
    name: 'steps see AWS through aws/ports.ts',
    of: (file) => under(file, 'delegate/src/steps/'),
    allows: (target) => !leadsTo(target, 'delegate/src/aws/') || leadsTo(target, 'delegate/src/aws/ports.ts'),
  },
  {
    name: 'only delegate/src/aws sees the AWS SDK; the simulator its types',
    of: (file) => isSource(file) && !under(file, 'delegate/src/aws/', 'simulator/scripts/'),
    allows: (target, file, typeOnly) => !isAwsSdk(target) || (typeOnly && under(file, 'simulator/')),
  },
  {
    name: 'the simulator imports nothing of the other workspaces: they meet on the wire',
    of: (file) => under(file, 'simulator/'),
    allows: (target) => target.kind !== 'file' || leadsTo(target, 'simulator/'),
  },
  {
    name: 'nothing imports the composition root',
    of: (file) => isSource(file) && !under(file, 'control-plane/bin/'),
    allows: (target) => !leadsTo(target, 'control-plane/bin/'),
  },
  {
    name: 'sources import no tests',
    of: isSource,
    allows: (target) => !leadsTo(target, 'test/'),
  },
];

/** What would make the domain depend on the moment, on chance or on the machine. */
const IMPURE_WORDS = new Set([
  'Date',
  'Temporal',
  'performance',
  'crypto',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'process',
  'console',
  'fetch',
  'globalThis',
]);

/** What the deterministic simulation runs on a virtual clock and a seed, beside the domain: time, chance and timers are given to it. */
const SIMULATED: readonly string[] = [
  'shared/src/',
  'control-plane/src/app/',
  'control-plane/src/store/memory',
  'delegate/src/agent/',
  'delegate/src/aws/',
  'delegate/src/ecs-agent/',
  'delegate/src/steps/',
  'simulator/src/',
];
/** Where the real clock, real timers and the process itself come in: nothing of it runs in the simulation. */
const REAL: readonly string[] = [
  'delegate/src/agent/alive.ts',
  'delegate/src/agent/instant.ts',
  'delegate/src/agent/unary.ts',
  'delegate/src/ecs-agent/introspection.ts',
  'simulator/src/wire/handle-call.ts',
  'simulator/src/world/clock.ts',
  'simulator/src/world/persistence.ts',
];
/** Told by themselves, whatever stands before them. */
const CHANCE_WORDS = new Set(['randomBytes', 'randomUUID', 'randomInt', 'randomFill', 'getRandomValues']);
const REAL_TIME_WORDS = new Set([
  'performance',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'Temporal',
  'WeakRef',
  'FinalizationRegistry',
]);
/** Told by their owner. */
const REAL_MEMBERS: Readonly<Record<string, readonly string[]>> = {
  Math: ['random'],
  Date: ['now'],
  AbortSignal: ['timeout'],
  process: ['hrtime', 'nextTick', 'uptime'],
};

// built from pieces, so that this file does not break its own rules
const SWITCHED_OFF = new RegExp(
  ['@ts-', '(ignore|expect-error|nocheck)|(oxlint|eslint|biome)', '-(disable|ignore)'].join(''),
);
const UNFINISHED = new RegExp(
  ['\\b(TO', 'DO|FIX', 'ME|XX', 'X|HA', 'CK)\\b|\\bfor ', 'now\\b|\\bnot (yet )?imple', 'mented\\b'].join(''),
);
const UNFINISHED_IN_STRINGS = new RegExp(['^\\s*not (yet )?imple', 'mented'].join(''), 'i');

/** Every breach of the rules in the tree, one line each: where, what, and which rule. Empty when all is well. */
export function breaches(tree: Tree): readonly string[] {
  const known = new Set(tree.files.map((file) => file.path));
  return tree.files.flatMap((file) => {
    const found = scan(file.text);
    const own = isGenerated(file.path)
      ? []
      : [
          ...lengthBreach(file),
          ...textBreaches(file, found),
          ...purityBreaches(file, found.tokens),
          ...timeBreaches(file, found.tokens),
        ];
    return [...own, ...importBreaches(file, found, tree, known)];
  });
}

function importBreaches(file: SourceFile, found: Scan, tree: Tree, known: ReadonlySet<string>): readonly string[] {
  return found.imports.flatMap(({ specifier, typeOnly, line }) => {
    const place = `${file.path}:${line}`;
    if (specifier === undefined) {
      // the launcher's whole purpose is to run a file it is given
      return file.path === 'control-plane/bin/launch.mjs'
        ? []
        : [`${place}: imports something computed: write the path out`];
    }
    const target = targetOf(file.path, specifier);
    const broken = IMPORT_RULES.filter((rule) => rule.of(file.path) && !rule.allows(target, file.path, typeOnly));
    const missing = unresolved(file.path, target, typeOnly, tree, known);
    return [
      ...broken.map((rule) => `${place}: imports ${specifier}: ${rule.name}`),
      ...(missing === undefined ? [] : [`${place}: imports ${specifier}: ${missing}`]),
    ];
  });
}

/** Where `specifier`, written in `file`, leads; existence is not looked at. */
export function targetOf(file: string, specifier: string): Target {
  if (specifier.startsWith('.'))
    return { kind: 'file', path: path.posix.normalize(path.posix.join(path.posix.dirname(file), specifier)) };
  if (specifier.startsWith('node:')) return { kind: 'builtin', name: specifier };
  if (/^[/#]|^[a-z]+:/.test(specifier)) return { kind: 'unknown' };
  const [first = '', second = '', ...rest] = specifier.split('/');
  if (first === '@outrider') return { kind: 'file', path: [second, 'src', ...rest].join('/') };
  return { kind: 'package', name: first.startsWith('@') ? `${first}/${second}` : first };
}

function unresolved(
  file: string,
  target: Target,
  typeOnly: boolean,
  tree: Tree,
  known: ReadonlySet<string>,
): string | undefined {
  switch (target.kind) {
    case 'builtin':
      return undefined;
    case 'unknown':
      return 'write a relative path, a package or a node: module';
    case 'file':
      return known.has(target.path) || tree.exists(target.path) ? undefined : `there is no ${target.path}`;
    case 'package':
      return undeclared(file, target.name, typeOnly, tree);
  }
}

/** What ships must declare what it runs with; tests and tools see whatever any workspace declares, as npm lays it out for them. */
function undeclared(file: string, name: string, typeOnly: boolean, tree: Tree): string | undefined {
  const workspace = WORKSPACES.find((candidate) => under(file, `${candidate}/src/`, `${candidate}/bin/`));
  if (workspace === undefined) {
    const declared = ['', ...WORKSPACES].some((place) => tree.declared(place, 'all').has(name));
    return declared ? undefined : `no package.json declares ${name}`;
  }
  if (tree.declared(workspace, typeOnly ? 'all' : 'runtime').has(name)) return undefined;
  return `${workspace}/package.json does not declare ${name}${typeOnly ? '' : ' among its dependencies'}`;
}

function lengthBreach(file: SourceFile): readonly string[] {
  const lines = file.text.split('\n').length - (file.text.endsWith('\n') ? 1 : 0);
  return lines > LONGEST_FILE_LINES
    ? [`${file.path}: ${lines} lines, more than ${LONGEST_FILE_LINES}: make two files of it`]
    : [];
}

function textBreaches(file: SourceFile, found: Scan): readonly string[] {
  const breached: string[] = [];
  for (const { text, line } of found.comments) {
    if (SWITCHED_OFF.test(text)) breached.push(`${file.path}:${line}: switches a check off: satisfy it`);
    if (UNFINISHED.test(text)) breached.push(`${file.path}:${line}: speaks of unfinished work: finish it`);
  }
  for (const [index, token] of found.tokens.entries()) {
    if (token.kind === 'word' && token.text === 'as' && found.tokens[index + 1]?.text === 'any') {
      breached.push(`${file.path}:${token.line}: casts to any: check the value`);
    }
    if (token.kind === 'string' && UNFINISHED_IN_STRINGS.test(token.text)) {
      breached.push(`${file.path}:${token.line}: speaks of unfinished work: finish it`);
    }
  }
  return breached;
}

function purityBreaches(file: SourceFile, tokens: readonly Token[]): readonly string[] {
  if (!under(file.path, 'control-plane/src/domain/')) return [];
  return tokens.flatMap((token, index) => {
    if (token.kind !== 'word') return [];
    const before = tokens[index - 1];
    const after = tokens[index + 1];
    const named = before?.text === '.' || after?.text === ':' || after?.text === '?';
    const random = token.text === 'random' && before?.text === '.' && tokens[index - 2]?.text === 'Math';
    if (!random && (named || !IMPURE_WORDS.has(token.text))) return [];
    return [
      `${file.path}:${token.line}: uses ${random ? 'Math.random' : token.text}: the domain is pure, time and ids are given to it`,
    ];
  });
}

function timeBreaches(file: SourceFile, tokens: readonly Token[]): readonly string[] {
  if (!under(file.path, ...SIMULATED) || REAL.includes(file.path)) return [];
  return tokens.flatMap((token, index) => {
    const used = token.kind === 'word' ? realThing(tokens, index) : undefined;
    return used === undefined
      ? []
      : [
          `${file.path}:${token.line}: uses ${used}: this runs in the simulation, where time and chance are given to it`,
        ];
  });
}

/** The real clock, timer or chance that is used at this word, if any. */
function realThing(tokens: readonly Token[], index: number): string | undefined {
  const word = tokens[index]?.text ?? '';
  const before = tokens[index - 1]?.text;
  const after = tokens[index + 1]?.text;
  if (CHANCE_WORDS.has(word)) return word;
  if (before === '.') {
    const owner = tokens[index - 2]?.text ?? '';
    return Object.hasOwn(REAL_MEMBERS, owner) && REAL_MEMBERS[owner]?.includes(word) === true
      ? `${owner}.${word}`
      : undefined;
  }
  if (word === 'Date' && before === 'new' && after === '(' && tokens[index + 2]?.text === ')') return 'new Date()';
  return REAL_TIME_WORDS.has(word) && after !== ':' && after !== '?' ? word : undefined;
}
