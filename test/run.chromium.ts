import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { findProgram, installDebian, isExecutable } from './run.debian.ts';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];
const MAC_APPLICATIONS = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/** Whether one of these test files drives a browser: it lies in test/console/, or it or a helper it imports by a relative path names playwright-core. */
export function needsChromium(files: readonly string[]): boolean {
  const seen = new Set<string>();
  const drives = (file: string): boolean => {
    if (seen.has(file) || !existsSync(file)) return false;
    seen.add(file);
    const text = readFileSync(file, 'utf8');
    if (/from\s+'playwright-core'|import\('playwright-core'\)/.test(text)) return true;
    const relative = [...text.matchAll(/from\s+'(\.[^']+\.ts)'/g)].map((match) =>
      path.resolve(path.dirname(file), match[1] ?? ''),
    );
    return relative.some(drives);
  };
  return files.some((file) => file.includes(`${path.sep}test${path.sep}console${path.sep}`) || drives(file));
}

/** Path of a Chromium: OUTRIDER_CHROMIUM, an installed one, or one installed now with apt as root on Debian. Throws, saying what to do, where there is none. */
export function ensureChromium(): string {
  const given = process.env['OUTRIDER_CHROMIUM'];
  if (given !== undefined && given !== '') {
    if (!isExecutable(given))
      throw new Error(
        `OUTRIDER_CHROMIUM is ${given}, which is no program that can be run: give the path of a Chromium or Chrome`,
      );
    return given;
  }
  const installed = findChromium();
  if (installed !== undefined) return installed;
  installDebian(['chromium'], HOW_TO_GET_ONE);
  const now = findChromium();
  if (now === undefined) throw new Error(`apt-get installed chromium, but no ${NAMES.join(', ')} is in PATH`);
  return now;
}

const HOW_TO_GET_ONE =
  'Some tests drive a browser: install Chromium or Chrome (Debian, as root: apt-get install chromium), or set OUTRIDER_CHROMIUM to the path of one, or run a part only: npm test -- test/shared';

function findChromium(): string | undefined {
  return findProgram(NAMES, MAC_APPLICATIONS);
}
