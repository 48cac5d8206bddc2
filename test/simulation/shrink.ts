import type { Fault, OperatorRequest, Script } from './ports.ts';
import { problemsOf } from './script-check.ts';

/** Histories that are run to make one script smaller. */
export const SHRINK_BUDGET = 150;

export interface Shrunk {
  readonly script: Script;
  /** Histories that were run. */
  readonly runs: number;
}

/**
 * A smaller script that still does what `stillFails` asks for: first without faults that do not matter, then without
 * requests and delegates, then with shorter and simpler faults. Greedy, within the budget; the script itself must fail.
 */
export async function shrink(
  script: Script,
  stillFails: (candidate: Script) => Promise<boolean>,
  budget: number = SHRINK_BUDGET,
): Promise<Shrunk> {
  let best = script;
  let runs = 0;
  for (let better = true; better; ) {
    better = false;
    for (const candidates of [fewerFaults, fewerRequests, fewerDelegates, simplerFaults, earlierCalm]) {
      for (let found = true; found; ) {
        found = false;
        for (const candidate of candidates(best)) {
          if (runs >= budget) return { script: best, runs };
          if (problemsOf(candidate).length > 0) continue;
          runs += 1;
          if (!(await stillFails(candidate))) continue;
          best = candidate;
          found = true;
          better = true;
          break;
        }
      }
    }
  }
  return { script: best, runs };
}

function fewerFaults(script: Script): Script[] {
  const { faults } = script;
  const half = Math.ceil(faults.length / 2);
  const halves = faults.length < 2 ? [] : [faults.slice(0, half), faults.slice(half)];
  return [...halves, ...faults.map((_, index) => faults.toSpliced(index, 1))].map((left) => ({
    ...script,
    faults: left,
  }));
}

function fewerRequests(script: Script): Script[] {
  return script.requests.map((left) => {
    const belongs = (each: OperatorRequest) => (left.kind === 'run' ? each.key === left.key : each === left);
    return { ...script, requests: script.requests.filter((each) => !belongs(each)) };
  });
}

/** Without the last one, when no fault is about it. */
function fewerDelegates(script: Script): Script[] {
  return script.delegates.length < 2 ? [] : [{ ...script, delegates: script.delegates.slice(0, -1) }];
}

function simplerFaults(script: Script): Script[] {
  return script.faults.flatMap((fault, index) =>
    simpler(fault).map((each) => ({ ...script, faults: script.faults.with(index, each) })),
  );
}

/** Shorter by half, certain instead of probable, without a change of versions. */
function simpler(fault: Fault): Fault[] {
  const found: Fault[] = [];
  if ('forMs' in fault && fault.forMs > 200) found.push({ ...fault, forMs: Math.floor(fault.forMs / 2) });
  if ('backAfterMs' in fault && fault.backAfterMs > 200) {
    found.push({ ...fault, backAfterMs: Math.floor(fault.backAfterMs / 2) });
  }
  if ('probability' in fault && fault.probability < 1) found.push({ ...fault, probability: 1 });
  if ('versions' in fault && fault.versions !== undefined) {
    const { versions: _, ...same } = fault;
    found.push(same);
  }
  return found;
}

/** Nothing goes wrong after the last fault anyway; less time is left for what waits for an effect. */
function earlierCalm(script: Script): Script[] {
  const spare = script.limitMs - script.calmFromMs;
  const calmFromMs = Math.floor(script.calmFromMs * 0.8);
  return calmFromMs < 1_000 ? [] : [{ ...script, calmFromMs, limitMs: calmFromMs + spare }];
}
