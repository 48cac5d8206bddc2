import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { Json } from '@outrider/shared/json.ts';
import type { WorldState } from '@outrider/simulator/world/state.ts';
import type { Run } from './bench.ts';
import { logDifferences } from './compare-logs.ts';
import type { Place } from './places.ts';
import { withoutIds } from './without-ids.ts';

/**
 * What a run with a killed delegate leaves behind, beside what the uninterrupted run left: every difference in words. None
 * is the only right answer.
 */
export function differences(whole: Run, cut: Run, place: Place): string[] {
  return [
    ...difference('outcome and output', outcomeOf(whole), outcomeOf(cut)),
    ...difference('facts', withoutIds(whole.facts), withoutIds(cut.facts)),
    ...difference('the world', worldOf(whole.world), worldOf(cut.world)),
    ...difference('what was made', made(whole), made(cut)),
    ...capacityDifferences(whole, cut),
    ...digestDifferences(cut),
    ...callDifferences(whole, cut, place),
    ...logDifferences(whole, cut, place),
  ];
}

function difference(what: string, wanted: unknown, found: unknown): string[] {
  try {
    assert.deepEqual(found, wanted);
    return [];
  } catch (error) {
    return [`${what}: ${error instanceof Error ? error.message : String(error)}`];
  }
}

/** Of a failure the code and who has to act on it: its evidence tells what was seen last, which is not the same. */
function outcomeOf({ outcome }: Run): Json {
  if (outcome.outcome !== 'failed') return withoutIds(JSON.parse(JSON.stringify(outcome)));
  const { code, failureType, hint } = outcome.failure;
  return { outcome: 'failed', code, failureType, hint };
}

/** Things that come into being: of each operation, the calls that made something. */
function made(run: Run): Record<string, number> {
  const before = run.worldBefore;
  const after = run.world;
  const fresh = (now: object, then: object) => Object.keys(now).filter((key) => !Object.hasOwn(then, key)).length;
  const revisions = Object.entries(after.families).map(([family, newest]) => [
    `revisions of ${family}`,
    newest - (before.families[family] ?? 0),
  ]);
  return {
    services: fresh(after.services, before.services),
    taskDefinitions: fresh(after.taskDefinitions, before.taskDefinitions),
    oneOffTasks: Object.values(after.tasks).filter((one) => one.serviceArn === undefined).length,
    ...Object.fromEntries(revisions),
  };
}

/** What serves is never less than without the kill. */
function capacityDifferences(whole: Run, cut: Run): string[] {
  if (cut.fewestRunning >= whole.fewestRunning) return [];
  return [
    `capacity: ${cut.fewestRunning} task(s) ran for a while, uninterrupted never fewer than ${whole.fewestRunning}`,
  ];
}

/** The result tells length and digest of its holder's part; the stored log must be exactly that. */
function digestDifferences({ result, log }: Run): string[] {
  if (result === undefined) return ['the log: no result message came'];
  const bytes = Buffer.from(log);
  const { logBytes, logFrom, logSha256 } = result;
  if (bytes.length !== logBytes) return [`the log: ${bytes.length} bytes are stored, ${logBytes} were told of`];
  const stored = createHash('sha256').update(bytes.subarray(logFrom, logBytes)).digest('hex');
  return stored === logSha256 ? [] : [`the log: its bytes from ${logFrom} on are not what was written`];
}

/** Up to the kill both runs asked the same of AWS: otherwise it was another place than the one that was meant. */
function callDifferences(whole: Run, cut: Run, place: Place): string[] {
  const names = (run: Run) => run.calls.slice(0, place.call).map((call) => call.operation);
  return difference('the calls until the kill', names(whole), names(cut));
}

/** The account as it is once everything has come to rest, without ids and times. */
function worldOf(state: WorldState): Json {
  const services: Record<string, unknown> = {};
  for (const service of Object.values(state.services)) {
    if (service.status === 'INACTIVE') continue;
    const { name, status, settings, taskDefinition, desiredCount, tags, clientToken = '' } = service;
    const tasks = Object.values(state.tasks).filter((one) => one.serviceArn === service.arn);
    // One that does not come up is tried again and again: only what runs is the same at any moment.
    const running = tasks.filter(({ task }) => task.desiredStatus === 'RUNNING' && task.lastStatus === 'RUNNING');
    services[`${service.clusterArn} ${name}`] = {
      status,
      settings,
      taskDefinition,
      desiredCount,
      clientToken,
      tags: sorted(tags),
      running: sorted(running.map(({ task }) => task.taskDefinitionArn)),
      deployments: service.deployments.map((each) => `${each.status} ${each.taskDefinition} ${each.rolloutState}`),
    };
  }
  const rest = {
    families: state.families,
    taskDefinitions: Object.values(state.taskDefinitions).map(({ definition, tags }) => ({
      ...definition,
      tags: sorted(tags),
    })),
    targets: Object.values(state.scalableTargets),
    policies: Object.values(state.scalingPolicies),
    actions: Object.values(state.scheduledActions),
    listeners: Object.values(state.listeners),
    rules: Object.values(state.rules),
    targetGroups: Object.values(state.targetGroups).map(({ group, attributes, targets }) => ({
      group,
      attributes,
      targets: sorted(targets.map((target) => `${target.state} ${target.reason ?? ''}`)),
    })),
  };
  return withoutIds(JSON.parse(JSON.stringify({ services, ...rest })));
}

function sorted<T>(values: readonly T[]): T[] {
  return values.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}
