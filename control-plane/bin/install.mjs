// Runs on any Node from 20 on, before any dependency is there.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { runNpm } from './npm.mjs';

/** How long one start waits for another one's install before it gives up. */
const LONGEST_WAIT_MS = 10 * 60 * 1000;
const WAIT_STEP_MS = 200;

/**
 * Brings node_modules of the clone at `root` up to its lock file; does nothing where they already agree, or where there is no lock file (a published
 * package brings its dependencies itself). Only one process installs at a time.
 * @param {string} root
 * @param {{ install?: (args: readonly string[], options: { cwd: string }) => Promise<void> }} [options]
 * @returns {Promise<'current' | 'installed'>}
 */
export async function ensureDependencies(root, options = {}) {
  if (!existsSync(path.join(root, 'package-lock.json'))) return 'current';
  if (await isCurrent(root)) return 'current';
  const release = await lock(root);
  try {
    if (await isCurrent(root)) return 'current';
    // `npm ci` starts by deleting node_modules: right for none and for CI, too rough for a folder that something may be running from
    const fresh = process.env['CI'] !== undefined || !existsSync(path.join(root, 'node_modules'));
    process.stderr.write(`outrider: installing dependencies (npm ${fresh ? 'ci' : 'install'})\n`);
    const args = [fresh ? 'ci' : 'install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    await (options.install ?? runNpm)(args, { cwd: root });
    await writeStamp(root);
    return 'installed';
  } finally {
    await release();
  }
}

/**
 * Whether node_modules holds what the lock file says. The stamp answers at once; without it (somebody ran npm by hand) npm's own record of what it
 * put there is compared with the lock file, package by package.
 * @param {string} root
 */
async function isCurrent(root) {
  const stamp = await readFile(stampFile(root), 'utf8').catch(() => undefined);
  if (stamp === (await hashOfLock(root))) return true;
  const installed = await packagesIn(path.join(root, 'node_modules', '.package-lock.json'));
  const wanted = await packagesIn(path.join(root, 'package-lock.json'));
  if (installed === undefined || wanted === undefined) return false;
  for (const [place, want] of Object.entries(wanted)) {
    if (!place.split('/').includes('node_modules')) continue;
    const have = installed[place];
    if (have === undefined && want.optional === true) continue;
    if (have === undefined || have.version !== want.version || have.link !== want.link) return false;
  }
  await writeStamp(root);
  return true;
}

/**
 * @param {string} file
 * @returns {Promise<Record<string, { version?: string, optional?: boolean, link?: boolean }> | undefined>}
 */
async function packagesIn(file) {
  try {
    /** @type {{ packages?: Record<string, { version?: string, optional?: boolean, link?: boolean }> }} */
    const lockFile = JSON.parse(await readFile(file, 'utf8'));
    return lockFile.packages;
  } catch {
    return undefined;
  }
}

/** @param {string} root */
async function writeStamp(root) {
  // the stamp only saves time: where the folder cannot be written, the comparison is made again at the next start
  await writeFile(stampFile(root), await hashOfLock(root)).catch(() => undefined);
}

/** @param {string} root */
function stampFile(root) {
  return path.join(root, 'node_modules', '.outrider-installed');
}

/** @param {string} root */
async function hashOfLock(root) {
  return createHash('sha256')
    .update(await readFile(path.join(root, 'package-lock.json')))
    .digest('hex');
}

/**
 * @param {string} root
 * @returns {Promise<() => Promise<void>>} releases the lock
 */
async function lock(root) {
  const directory = path.join(root, '.outrider');
  const file = path.join(directory, 'install.lock');
  await mkdir(directory, { recursive: true });
  for (let waited = 0; waited < LONGEST_WAIT_MS; waited += WAIT_STEP_MS) {
    try {
      await writeFile(file, String(process.pid), { flag: 'wx' });
      return () => rm(file, { force: true });
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
    const holder = Number(await readFile(file, 'utf8').catch(() => '0'));
    if (holder > 0 && !isAlive(holder)) await rm(file, { force: true });
    else await delay(WAIT_STEP_MS);
  }
  throw new Error(`another install has held ${file} for ten minutes; if none is running, remove that file`);
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
