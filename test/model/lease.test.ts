// needs: spin, cc
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const MODEL = fileURLToPath(new URL('lease.pml', import.meta.url));
/** Enough for a lease to be given, to end and to be given again; with a restored store, once more. */
const TICKS = 5;

interface Verdict {
  readonly states: number;
  /** What spin says of the promise that broke; undefined: none did, in any history. */
  readonly broken: string | undefined;
}

/** Explores every history of the model. Throws where spin did not come to the end of them. */
function explore(...definitions: readonly string[]): Verdict {
  const directory = mkdtempSync(path.join(tmpdir(), 'outrider-model-'));
  const run = (program: string, ...args: readonly string[]) =>
    execFileSync(program, args, { cwd: directory, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  try {
    run('spin', ...definitions.map((name) => `-D${name}`), '-a', MODEL);
    run('cc', '-O2', '-DSAFETY', '-DCOLLAPSE', '-DMEMLIM=1500', '-w', '-o', 'pan', 'pan.c');
    // Standing still is what the model may always do: only broken promises count.
    const report = run('./pan', '-E', '-m200000', '-w22');
    assert.doesNotMatch(report, /max search depth too small|out of memory|Search not completed.*\n.*limit/);
    const states = /(\d+) states, stored/.exec(report)?.[1];
    assert.ok(states !== undefined, report);
    return { states: Number(states), broken: /assertion violated (.*) \(at depth/.exec(report)?.[1] };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

describe('the lease protocol, in every history of its model', () => {
  test('no work of two epochs overlaps, and a result counts once', (context) => {
    const { states, broken } = explore(`LAST_TICK=${TICKS}`);
    assert.equal(broken, undefined);
    assert.ok(states > 100_000, `${states} states`);
    context.diagnostic(`${states} states`);
  });

  test('nor when the store comes back as it was before', (context) => {
    const { states, broken } = explore(`LAST_TICK=${TICKS}`, 'RESTORE');
    assert.equal(broken, undefined);
    assert.ok(states > 1_000_000, `${states} states`);
    context.diagnostic(`${states} states`);
  });
});

describe('each rule of the lease protocol is needed: without it the model breaks a promise', () => {
  const overlap = /call>=changedUnder/;
  const rules: readonly (readonly [sentence: string, definitions: readonly string[], promise: RegExp])[] = [
    ['work moves only after its lease ended', ['WITHOUT_LEASE_TIME'], overlap],
    ['a delegate changes AWS only within two thirds of its lease', ['WITHOUT_FENCE'], overlap],
    ['the delegate counts from when it sent the heartbeat', ['WITHOUT_SENT_TIME'], overlap],
    ['a result counts under the epoch of the lease only', ['WITHOUT_EPOCH_CHECK'], /!\(applied\)/],
    ['a restored store begins a generation of epochs', ['RESTORE', 'WITHOUT_GENERATION'], /epoch>given/],
    ['a restored store waits for the leases of the future that it lost', ['RESTORE', 'WITHOUT_RESTORE_PAUSE'], overlap],
  ];
  for (const [sentence, definitions, promise] of rules) {
    test(sentence, () => {
      assert.match(explore('LAST_TICK=7', ...definitions).broken ?? 'no promise broke', promise);
    });
  }
});
