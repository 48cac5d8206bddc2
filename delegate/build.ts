import { rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Metafile } from 'esbuild';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

/** Modules written for `require` still call it for Node's own modules, and some ask where they lie. */
const REQUIRE_FOR_BUNDLED_MODULES = [
  "import { createRequire as outriderCreateRequire } from 'node:module';",
  "import { dirname as outriderDirname } from 'node:path';",
  'const require = outriderCreateRequire(import.meta.url);',
  'const __filename = import.meta.filename;',
  'const __dirname = outriderDirname(__filename);',
].join('\n');

export interface DelegateBundle {
  /** Files written, largest first, relative to the output folder. */
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
}

/**
 * `npm run build:delegate` writes dist/delegate/: the delegate and everything it needs but Node itself, with the licences of what went into it. `main.mjs` starts
 * it; what it imports lazily (the AWS clients) lies in files of its own, so that it costs memory only once it is used.
 */
export async function main(_argv: readonly string[]): Promise<number> {
  const output = path.join(ROOT, 'dist', 'delegate');
  const { files } = await bundleDelegate({ entry: path.join(ROOT, 'delegate', 'src', 'main.ts'), output });
  for (const { name, bytes } of files) process.stdout.write(`${name}  ${(bytes / 1024).toFixed(0)} kB\n`);
  return 0;
}

/** Bundles `entry` as `main.mjs` into the folder `output`, which is emptied first. */
export async function bundleDelegate(where: {
  readonly entry: string;
  readonly output: string;
}): Promise<DelegateBundle> {
  rmSync(where.output, { recursive: true, force: true });
  const result = await build({
    absWorkingDir: ROOT,
    entryPoints: { main: where.entry },
    outdir: where.output,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    minify: true,
    // an error's name and the text of a stack trace must stay what the sources say
    keepNames: true,
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    format: 'esm',
    platform: 'node',
    // the AWS clients' ES modules: what is not called is left out
    mainFields: ['module', 'main'],
    target: 'node24.15',
    // the same sources give the same bytes: no absolute path, no time
    sourcemap: false,
    legalComments: 'external',
    banner: { js: REQUIRE_FOR_BUNDLED_MODULES },
    metafile: true,
    logLevel: 'warning',
  });
  checkLazyImports(result.metafile);
  const files = Object.entries(result.metafile.outputs).map(([name, { bytes }]) => ({
    name: path.relative(where.output, path.resolve(ROOT, name)),
    bytes,
  }));
  return { files: files.toSorted((one, other) => other.bytes - one.bytes) };
}

/** A bundled `import()` of a module written for `require` gives its default export alone, without the names that Node would give it. */
function checkLazyImports(metafile: Metafile): void {
  for (const [file, input] of Object.entries(metafile.inputs)) {
    if (file.split('/').includes('node_modules')) continue;
    for (const lazy of input.imports.filter((imported) => imported.kind === 'dynamic-import')) {
      if (metafile.inputs[lazy.path]?.format === 'cjs') {
        throw new Error(
          `${file} imports ${lazy.original ?? lazy.path} lazily, which is written for require: import it statically`,
        );
      }
    }
  }
}
