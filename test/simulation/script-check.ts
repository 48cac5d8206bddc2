import { LEASE_TTL_MS } from '@outrider/shared/protocol/timings.ts';
import type { Fault, OperatorRequest, Script, VersionRange } from './ports.ts';

/** What is wrong with a script: words about what it asks for that cannot be, or contradicts itself. Empty: it can happen. */
export function problemsOf(script: Script): string[] {
  return [...shapeProblems(script), ...requestProblems(script), ...faultProblems(script), ...contradictions(script)];
}

/** A stretch of virtual time, both ends included. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** From when to when a fault is at work; one that waits for an effect waits until `calmFromMs` at most. */
export function spanOf(fault: Fault, calmFromMs: number): Span {
  const { atMs } = fault;
  switch (fault.kind) {
    case 'crash-delegate-at':
    case 'crash-control-plane-at':
      return { fromMs: atMs, toMs: calmFromMs };
    case 'crash-delegate':
    case 'replace-delegate':
    case 'crash-control-plane':
    case 'replace-control-plane':
    case 'roll-back-store':
      return { fromMs: atMs, toMs: atMs + fault.backAfterMs };
    case 'reset':
    case 'jump-clock':
      return { fromMs: atMs, toMs: atMs };
    default:
      return { fromMs: atMs, toMs: atMs + fault.forMs };
  }
}

/** The one process whose life the fault decides over: two such faults at a time would contradict each other. */
export function lifeOf(fault: Fault): string | undefined {
  switch (fault.kind) {
    case 'crash-delegate':
    case 'replace-delegate':
    case 'freeze-delegate':
    case 'clone-delegate':
      return `delegate ${fault.delegate}`;
    case 'crash-control-plane':
    case 'replace-control-plane':
    case 'freeze-control-plane':
    case 'roll-back-store':
      return 'control plane';
    default:
      return undefined;
  }
}

function shapeProblems(script: Script): string[] {
  const problems: string[] = [];
  const { delegates, calmFromMs, limitMs } = script;
  if (delegates.length < 1) problems.push('nobody is there to work');
  if (new Set(delegates.map(({ name }) => name)).size < delegates.length) problems.push('two delegates have one name');
  if (limitMs <= calmFromMs) problems.push('it must have ended before it is calm');
  for (const { versions } of [...delegates, { versions: script.controlPlaneVersions }]) {
    problems.push(...versionProblems(versions));
  }
  return problems;
}

function versionProblems({ min, max }: VersionRange): string[] {
  // Whatever runs together must have a version in common, or nothing ever ends: all of them speak version 1.
  return min === 1 && (max === 1 || max === 2) ? [] : [`nobody speaks protocol ${min}–${max}`];
}

function requestProblems({ requests, calmFromMs }: Script): string[] {
  const problems: string[] = [];
  const runs = requests.filter((request) => request.kind === 'run');
  if (runs.length === 0) problems.push('nothing is run');
  if (new Set(runs.map(({ key }) => key)).size < runs.length) problems.push('two runs have one key');
  // Two deployments of one service at a time are not promised to work out.
  if (new Set(runs.map(({ workflow }) => workflow)).size < runs.length) problems.push('two runs are of one workflow');
  for (const request of requests) problems.push(...interruptProblems(request, runs, calmFromMs));
  return problems;
}

function interruptProblems(request: OperatorRequest, runs: readonly OperatorRequest[], calmFromMs: number): string[] {
  const problems = timeProblems(request.atMs, `request ${request.kind}`);
  if (request.atMs > calmFromMs) problems.push(`request ${request.kind} comes after all is calm`);
  if (request.kind === 'run') return problems;
  const run = runs.find(({ key }) => key === request.key);
  if (run === undefined) problems.push(`${request.kind} of ${request.key}, which nobody runs`);
  else if (run.atMs > request.atMs) problems.push(`${request.kind} of ${request.key} before it runs`);
  return problems;
}

function faultProblems({ faults, delegates, calmFromMs }: Script): string[] {
  const problems: string[] = [];
  for (const fault of faults) {
    problems.push(...timeProblems(fault.atMs, fault.kind));
    const { toMs } = spanOf(fault, calmFromMs);
    if (toMs > calmFromMs) problems.push(`${fault.kind} lasts until ${toMs}, and all is calm from ${calmFromMs} on`);
    if ('delegate' in fault && delegates[fault.delegate] === undefined) problems.push(`${fault.kind} of nobody`);
    if ('forMs' in fault && fault.forMs <= 0) problems.push(`${fault.kind} lasts no time`);
    if ('backAfterMs' in fault && fault.backAfterMs <= 0) problems.push(`${fault.kind} is over before it begins`);
    if ('probability' in fault && !(fault.probability > 0 && fault.probability <= 1)) {
      problems.push(`${fault.kind} with a probability of ${fault.probability}`);
    }
    if ('nth' in fault && !(Number.isInteger(fault.nth) && fault.nth >= 1)) problems.push(`${fault.kind} at none`);
    if ('versions' in fault && fault.versions !== undefined) problems.push(...versionProblems(fault.versions));
    if (fault.kind === 'jump-clock') {
      if (typeof fault.host === 'number' && delegates[fault.host] === undefined) problems.push('the clock of nobody');
      if (fault.byMs === 0) problems.push('a clock that jumps nowhere');
    }
    if (fault.kind === 'roll-back-store' && fault.backMs > fault.atMs) problems.push('back to before the beginning');
  }
  return problems;
}

function timeProblems(atMs: number, what: string): string[] {
  return Number.isInteger(atMs) && atMs >= 0 ? [] : [`${what} at ${atMs}`];
}

function contradictions({ faults, calmFromMs }: Script): string[] {
  const problems: string[] = [];
  for (const [index, fault] of faults.entries()) {
    for (const other of faults.slice(index + 1)) {
      const life = lifeOf(fault);
      if (life !== undefined && life === lifeOf(other) && meet(spanOf(fault, calmFromMs), spanOf(other, calmFromMs))) {
        problems.push(`${fault.kind} and ${other.kind} decide over the ${life} at the same time`);
      }
      if (setDuringRestore(fault, other)) problems.push('the clock is set while the control plane is being restored');
      if (bothClocksLie(fault, other)) problems.push('both clocks of a delegate are wrong within one lease');
      if (sameTrap(fault, other)) problems.push(`two of ${fault.kind} wait for the same moment`);
    }
  }
  return problems;
}

/**
 * A machine that was suspended, and whose wall clock is set back within the same lease: neither of its clocks knows how much time has
 * passed. Nothing on it could tell.
 */
function bothClocksLie(one: Fault, other: Fault): boolean {
  const [jump, freeze] = one.kind === 'jump-clock' ? [one, other] : [other, one];
  if (jump.kind !== 'jump-clock' || freeze.kind !== 'freeze-delegate' || !freeze.monotonicStops) return false;
  const near = { fromMs: freeze.atMs - LEASE_TTL_MS, toMs: freeze.atMs + freeze.forMs + LEASE_TTL_MS };
  return jump.host === freeze.delegate && jump.byMs < 0 && meet({ fromMs: jump.atMs, toMs: jump.atMs }, near);
}

/**
 * Between the restore and the next start nobody is there who could tell how much time has passed: the pause after a restore is cut
 * short by a clock that is set forward meanwhile.
 */
function setDuringRestore(one: Fault, other: Fault): boolean {
  const [jump, restore] = one.kind === 'jump-clock' ? [one, other] : [other, one];
  if (jump.kind !== 'jump-clock' || restore.kind !== 'roll-back-store' || jump.host !== 'control-plane') return false;
  const away = { fromMs: restore.atMs, toMs: restore.atMs + restore.backAfterMs + STARTING_MS };
  return jump.byMs > 0 && meet({ fromMs: jump.atMs, toMs: jump.atMs }, away);
}

/** From the start of a process to the moment from which it counts time by itself. */
const STARTING_MS = 2_000;

function meet(one: Span, other: Span): boolean {
  return one.fromMs <= other.toMs && other.fromMs <= one.toMs;
}

/** Of two processes that die at the same moment, the second could not. */
function sameTrap(one: Fault, other: Fault): boolean {
  if (one.kind === 'crash-delegate-at' && other.kind === 'crash-delegate-at') {
    return one.delegate === other.delegate && one.effect === other.effect;
  }
  if (one.kind === 'crash-control-plane-at' && other.kind === 'crash-control-plane-at') {
    return one.operation === other.operation;
  }
  return false;
}
