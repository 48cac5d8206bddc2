// Runs on any Node from 20 on. Finds the npm that is there and runs it under the Node that is running now.
import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import path from 'node:path';

/**
 * Runs npm and waits; its output goes to standard error, because standard output belongs to the command's answer. Throws when it fails.
 * @param {readonly string[]} args
 * @param {{ cwd: string }} options
 * @returns {Promise<void>}
 */
export async function runNpm(args, options) {
  const npm = findNpm();
  const [command, ...rest] = npm.endsWith('.js') ? [process.execPath, npm, ...args] : [npm, ...args];
  const child = spawn(command ?? npm, rest, {
    cwd: options.cwd,
    env: environment(options.cwd),
    stdio: ['ignore', 2, 2],
  });
  const how = `npm ${args.join(' ')}`;
  await new Promise((resolve, reject) => {
    child.on('error', (cause) => reject(new Error(`${how} could not be started: ${cause.message}`, { cause })));
    child.on('exit', (code, signal) => {
      if (code === 0) resolve(undefined);
      else reject(new Error(`${how} failed (${signal ?? `exit code ${code}`}); its own message is above`));
    });
  });
}

/** The npm that runs us, the one that came with this Node, or the first in PATH; npm's own script where that can be told. */
function findNpm() {
  const ours = process.env['npm_execpath'];
  const beside = path.dirname(process.execPath);
  const scripts = [
    ours !== undefined && path.basename(ours) === 'npm-cli.js' ? ours : undefined,
    path.join(beside, '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js'),
    path.join(beside, 'node_modules', 'npm', 'bin', 'npm-cli.js'),
    ...(process.env['PATH'] ?? '').split(path.delimiter).map((directory) => path.join(directory, 'npm')),
  ];
  for (const script of scripts) {
    if (script !== undefined && script !== 'npm' && existsSync(script)) return realpathSync(script);
  }
  throw new Error('npm was not found: it comes with Node; put it in PATH');
}

/**
 * npm hands its own place and settings down to what it runs; those of the outer run must not steer the inner one. Settings about the registry, its
 * proxy and certificates stay.
 * @param {string} directory
 */
function environment(directory) {
  const mine =
    /^npm_(package|lifecycle|command|config_(global|prefix|local_prefix|workspaces?|include_workspace_root|dry_run|omit|include)$)/i;
  const kept = Object.entries(process.env).filter(([name]) => !mine.test(name));
  return { ...Object.fromEntries(kept), INIT_CWD: directory };
}
