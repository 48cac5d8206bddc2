// Runs on any Node from 20 on. `node control-plane/bin/launch.mjs FILE.ts ARGUMENTS…` runs one of the project's own scripts: under a Node that is new
// enough and with the dependencies installed. FILE.ts exports `main(argv)`, which answers the exit code.

import module from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ensureDependencies } from './install.mjs';
import { ensureNode } from './node24.mjs';

const here = fileURLToPath(import.meta.url);
const root = path.resolve(path.dirname(here), '..', '..');

/**
 * Runs `main(argv)` of `file` and leaves its answer as the exit code. A failure is told in one line; the stack only with OUTRIDER_LOG_LEVEL=debug.
 * @param {string} script the script that was started, and is started again under a newer Node
 * @param {readonly string[]} scriptArgv its arguments
 * @param {string} file absolute path of the module to run
 * @param {readonly string[]} argv arguments of its main
 */
export async function launch(script, scriptArgv, file, argv) {
  try {
    await ensureNode(script, scriptArgv);
    await ensureDependencies(root);
    // .ts files keep their stripped and compiled form between runs; where the folder cannot be written, nothing is kept and nothing fails
    module.enableCompileCache?.(path.join(root, 'node_modules', '.outrider-compile-cache'));
    /** @type {{ main: (argv: readonly string[]) => Promise<number> }} */
    const program = await import(pathToFileURL(file).href);
    process.exitCode = await program.main(argv);
  } catch (error) {
    const debug = process.env['OUTRIDER_LOG_LEVEL'] === 'debug' || process.env['OUTRIDER_LOG_LEVEL'] === 'trace';
    const text = error instanceof Error ? (debug ? (error.stack ?? error.message) : error.message) : String(error);
    process.stderr.write(`outrider: ${text}\n`);
    process.exitCode = 1;
  }
}

if (process.argv[1] !== undefined && path.resolve(process.argv[1]) === here) {
  const [file, ...rest] = process.argv.slice(2);
  if (file === undefined) {
    process.stderr.write('usage: node control-plane/bin/launch.mjs FILE.ts ARGUMENTS…\n');
    process.exitCode = 2;
  } else {
    await launch(here, process.argv.slice(2), path.resolve(root, file), rest);
  }
}
