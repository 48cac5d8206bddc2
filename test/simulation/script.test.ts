import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Fault, Script } from './ports.ts';
import { SAMPLE_WORKFLOWS, scriptOf } from './script.ts';
import { problemsOf, spanOf } from './script-check.ts';
import { DELEGATE_EFFECTS, FAULT_KINDS, MESSAGE_HOW, STORE_OPERATIONS } from './script-faults.ts';

const SEEDS = 3_000;

describe('scripts of histories', () => {
  const scripts = Array.from({ length: SEEDS }, (_, seed) => scriptOf(seed));
  const faults = scripts.flatMap((script) => script.faults);

  test('every script that is drawn can happen and contradicts nothing', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const script = scriptOf(seed);
        assert.deepEqual(problemsOf(script), []);
        assert.ok(script.faults.length >= 1 && script.faults.length <= 8);
        assert.ok(script.delegates.length >= 2 && script.delegates.length <= 3);
        for (const fault of script.faults) assert.ok(spanOf(fault, script.calmFromMs).toMs <= script.calmFromMs);
      }),
    );
  });

  test('a script depends on its seed alone', () => {
    fc.assert(fc.property(fc.integer(), (seed) => assert.deepEqual(scriptOf(seed), scriptOf(seed))));
    assert.notDeepEqual(scriptOf(1), { ...scriptOf(2), seed: 1 });
  });

  test('a script is data: it survives being written down', () => {
    for (const script of scripts.slice(0, 200)) assert.deepEqual(JSON.parse(JSON.stringify(script)), script);
  });

  test('every kind of fault is drawn, each in all its forms', () => {
    assert.deepEqual(
      seen(faults, (fault) => fault.kind),
      FAULT_KINDS.toSorted(),
    );
    assert.deepEqual(
      seen(of(faults, 'messages'), (fault) => fault.how),
      MESSAGE_HOW.toSorted(),
    );
    assert.deepEqual(
      seen(of(faults, 'crash-delegate-at'), (fault) => fault.effect),
      DELEGATE_EFFECTS.toSorted(),
    );
    assert.deepEqual(
      seen(of(faults, 'crash-control-plane-at'), (fault) => fault.operation),
      [...new Set(STORE_OPERATIONS)].toSorted(),
    );
    assert.deepEqual(
      seen(of(faults, 'store-fault'), (fault) => fault.how),
      ['done-but-failed', 'refused', 'slow'],
    );
    assert.deepEqual(
      seen(of(faults, 'aws-fault'), (fault) => fault.how),
      ['response-lost', 'server-error', 'slow', 'throttled'],
    );
    const directions = ['both', 'to-control-plane', 'to-delegate'];
    assert.deepEqual(
      seen(of(faults, 'partition'), (fault) => fault.direction),
      directions,
    );
    const versions = of(faults, 'replace-control-plane').concat();
    assert.deepEqual(
      seen(versions, (fault) => String(fault.versions?.max)),
      ['1', '2', 'undefined'],
    );
    const frozen = of(faults, 'freeze-delegate');
    assert.ok(frozen.some((fault) => fault.forMs < 20_000) && frozen.some((fault) => fault.forMs > 45_000));
    assert.ok(of(faults, 'jump-clock').some((fault) => fault.byMs === -3_600_000));
  });

  test('operators run every sample, and interrupt some in every way', () => {
    const requests = scripts.flatMap((script) => script.requests);
    const runs = requests.filter((request) => request.kind === 'run');
    assert.deepEqual(
      seen(runs, ({ workflow }) => workflow),
      SAMPLE_WORKFLOWS.toSorted(),
    );
    const ways = seen(requests, (request) => (request.kind === 'abort' ? `abort ${request.rollback}` : request.kind));
    assert.deepEqual(ways, ['abort false', 'abort true', 'rollback', 'run']);
  });

  test('many faults overlap', () => {
    const overlapping = scripts.filter((script) => overlaps(script).length > 0);
    assert.ok(overlapping.length > SEEDS / 3, `${overlapping.length} of ${SEEDS}`);
  });

  test('what contradicts itself is named', () => {
    const crash: Fault = { kind: 'crash-delegate', atMs: 1_000, delegate: 0, backAfterMs: 5_000, loseDisk: false };
    const freeze: Fault = { kind: 'freeze-delegate', atMs: 2_000, forMs: 9_000, delegate: 0, monotonicStops: true };
    const script = { ...scriptOf(1), faults: [crash, freeze], calmFromMs: 10_000 };
    const problems = problemsOf(script);
    assert.ok(problems.includes('crash-delegate and freeze-delegate decide over the delegate 0 at the same time'));
    assert.ok(problems.includes('freeze-delegate lasts until 11000, and all is calm from 10000 on'));
    const nobody: Fault = { ...freeze, delegate: 7 };
    assert.ok(problemsOf({ ...script, faults: [nobody] }).includes('freeze-delegate of nobody'));
    const early: Script = { ...script, faults: [], requests: [{ kind: 'rollback', atMs: 5, key: 'run-9' }] };
    assert.deepEqual(problemsOf(early), ['nothing is run', 'rollback of run-9, which nobody runs']);
  });
});

function of<K extends Fault['kind']>(faults: readonly Fault[], kind: K): Extract<Fault, { kind: K }>[] {
  const isKind = (fault: Fault): fault is Extract<Fault, { kind: K }> => fault.kind === kind;
  return faults.filter(isKind);
}

function seen<T>(items: readonly T[], value: (item: T) => string): string[] {
  return [...new Set(items.map(value))].toSorted();
}

function overlaps({ faults, calmFromMs }: Script): string[] {
  return faults.flatMap((fault, index) => {
    const { fromMs, toMs } = spanOf(fault, calmFromMs);
    const met = faults.slice(index + 1).filter((other) => other.atMs <= toMs && other.atMs > fromMs);
    return met.map((other) => `${fault.kind} ${other.kind}`);
  });
}
