import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { audit } from './audit.ts';
import { runChaos } from './run.ts';
import { summary } from './summary.ts';
import { PACES } from './timings.ts';

const USAGE = 'usage: npm run chaos -- [--minutes N] [--seed N] [--real-timers]';

interface Wanted {
  readonly minutes: number;
  readonly seed: number;
  readonly realTimers: boolean;
}

/** `npm run chaos`: answers 0 when nothing that was promised was broken. What the run left is kept when something was. */
export async function main(argv: readonly string[]): Promise<number> {
  const wanted = read(argv);
  if (wanted === undefined) {
    process.stderr.write(`${USAGE}\n`);
    return 2;
  }
  const { minutes, seed, realTimers } = wanted;
  // The processes that were started are ended with this one.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  const pace = realTimers ? PACES.real : PACES.fast;
  const directory = await mkdtemp(path.join(tmpdir(), 'outrider-chaos-'));
  const tell = (line: string) => void process.stdout.write(`${line}\n`);
  tell(`Seed ${seed}, ${minutes} minutes, ${pace.name} timers`);
  const settleMs = 12 * (pace.leaseMs + pace.takeoverMs);
  const run = await runChaos({ seed, pace, chaosMs: minutes * 60_000, settleMs, directory, tell });
  const violations = audit(run.observations);
  tell(summary(run, violations));
  if (violations.length > 0) {
    tell(`Seed ${seed}; stores, logs and everything else lie in ${directory}`);
    return 1;
  }
  await rm(directory, { recursive: true, force: true });
  return 0;
}

function read(argv: readonly string[]): Wanted | undefined {
  let wanted: Wanted = { minutes: 1, seed: Date.now() % 1_000_000, realTimers: false };
  for (let index = 0; index < argv.length; index++) {
    const flag = argv[index];
    if (flag === '--real-timers') {
      wanted = { ...wanted, realTimers: true };
      continue;
    }
    index += 1;
    const value = Number(argv[index]);
    if (!Number.isFinite(value) || value <= 0) return undefined;
    if (flag === '--minutes') wanted = { ...wanted, minutes: value };
    else if (flag === '--seed') wanted = { ...wanted, seed: value };
    else return undefined;
  }
  return wanted;
}
