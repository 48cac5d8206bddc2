import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Acknowledged } from './acknowledged.ts';

export interface Kills {
  readonly count: number;
  readonly acknowledged: number;
  /** What was acknowledged and is gone, or is broken, one line each. */
  readonly findings: readonly string[];
}

/** Acknowledgements after which a process is killed, at most: somewhere in the middle of a group. */
const ACKNOWLEDGEMENTS_MAX = 1_500;
/** Kills on one store: it grows, and with it the time that each audit takes. */
const KILLS_PER_STORE = 20;

/** Lets a process write to a store and kills it at random moments; after each, the next process must find all of it. */
export async function killRounds(count: number): Promise<Kills> {
  const findings: string[] = [];
  let acknowledged = 0;
  for (let done = 0; done < count; done += KILLS_PER_STORE) {
    const directory = mkdtempSync(join(tmpdir(), 'outrider-kills-'));
    const noted = new Acknowledged();
    try {
      for (let kill = done; kill < Math.min(count, done + KILLS_PER_STORE); kill++) {
        const path = join(directory, 'outrider.db');
        await writeUntilKilled(path, `round-${kill}`, noted);
        findings.push(...noted.audit(path).map((finding) => `kill ${kill + 1}: ${finding}`));
      }
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
    if (!noted.isVaried) findings.push('too little was written to say anything');
    acknowledged += noted.count;
  }
  return { count, acknowledged, findings };
}

async function writeUntilKilled(path: string, seed: string, noted: Acknowledged): Promise<void> {
  const script = fileURLToPath(new URL('./kill-child.ts', import.meta.url));
  const child = spawn(process.execPath, [script, path, seed], { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  try {
    let left = 1 + Math.floor(Math.random() * ACKNOWLEDGEMENTS_MAX);
    for await (const line of createInterface({ input: child.stdout })) {
      noted.note(line);
      left -= 1;
      if (left === 0) child.kill('SIGKILL');
    }
  } finally {
    child.kill('SIGKILL');
    await closed;
  }
  assert.equal(child.signalCode, 'SIGKILL', 'it did not end by itself');
}
