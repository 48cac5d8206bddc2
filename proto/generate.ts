import { spawnSync } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const PROTO = 'outrider/delegate/v1/delegate.proto';
const GENERATED = path.join(ROOT, 'shared', 'src', 'protocol', 'generated');
const DESCRIPTOR = 'descriptor.json';
/**
 * What the codec gets from and gives to proto-loader, so the same options stand in shared/src/protocol/codec.ts: 64-bit numbers and enum values as strings,
 * a oneof's arm by name, and no defaults: a field that was not sent is absent.
 */
const TYPE_OPTIONS = [
  '--grpcLib=@grpc/grpc-js',
  '--longs=String',
  '--enums=String',
  '--oneofs',
  '--importFileExtension=.ts',
];

/**
 * `npm run generate` writes what is generated from the proto file: TypeScript types (proto-loader's own generator) and the descriptor that the codec loads.
 * With `--check` it writes nothing and compares what is committed with what would be written.
 */
export async function main(argv: readonly string[]): Promise<number> {
  const fresh = mkdtempSync(path.join(tmpdir(), 'outrider-generate-'));
  try {
    generateInto(fresh);
    if (argv.includes('--check')) return compare(fresh);
    replace(fresh);
    return 0;
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

function generateInto(directory: string): void {
  const generator = path.join(ROOT, 'node_modules', '.bin', 'proto-loader-gen-types');
  const args = [...TYPE_OPTIONS, `--includeDirs=${path.join(ROOT, 'proto')}`, `--outDir=${directory}`, PROTO];
  const result = spawnSync(process.execPath, [generator, ...args], { cwd: ROOT, encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`proto-loader-gen-types failed:\n${result.stdout}${result.stderr}`);
  // the generator writes where its source lay; what is committed must be the same from every clone
  for (const file of filesIn(directory)) {
    const written = path.join(directory, file);
    writeFileSync(written, readFileSync(written, 'utf8').replaceAll(`${ROOT}${path.sep}`, ''));
  }
  writeFileSync(path.join(directory, DESCRIPTOR), describe());
}

/** The descriptor as JSON, and it alone: the codec needs no .proto file and no parser at run time. */
function describe(): string {
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) => path.join(ROOT, 'proto', target);
  root.loadSync(PROTO, { keepCase: false });
  root.resolveAll();
  return `${JSON.stringify(root.toJSON({ keepComments: false }), null, 1)}\n`;
}

function replace(fresh: string): void {
  rmSync(GENERATED, { recursive: true, force: true });
  for (const file of filesIn(fresh)) {
    const target = path.join(GENERATED, file);
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, readFileSync(path.join(fresh, file)));
  }
  process.stdout.write(`${filesIn(fresh).length} files in ${path.relative(ROOT, GENERATED)}\n`);
}

function compare(fresh: string): number {
  const names = new Set([...filesIn(fresh), ...filesIn(GENERATED)]);
  const differing = [...names]
    .toSorted()
    .filter((file) => textOf(path.join(fresh, file)) !== textOf(path.join(GENERATED, file)));
  for (const file of differing)
    process.stdout.write(`${path.relative(ROOT, path.join(GENERATED, file))} is not what the proto file gives\n`);
  if (differing.length === 0) return 0;
  process.stdout.write('run `npm run generate` and commit what it writes; generated files are never edited by hand\n');
  return 1;
}

function filesIn(directory: string): readonly string[] {
  return globSync('**/*.{ts,json}', { cwd: directory }).toSorted();
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
