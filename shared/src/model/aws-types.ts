import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../json.ts';

/*
 * The AWS SDK sends what it is given: a number where AWS wants a text is refused, and so is "256" where it wants a
 * number. YAML and expressions mix these up, so that they are put right by the names of the members. The lists hold
 * the members of RegisterTaskDefinition and CreateService; a test compares them with AWS's published model.
 */

/** Members that are whole numbers or fractions wherever they stand; the task's own `cpu` and `memory` are texts. */
export const NUMBER_MEMBERS: ReadonlySet<string> = new Set(
  [
    'containerPort cpu hardLimit hostPort interval maxComputePercent maxSwap memory memoryReservation',
    'restartAttemptPeriod retries sharedMemorySize size sizeInGiB softLimit startPeriod startTimeout',
    'stopTimeout swappiness timeout transitEncryptionPort port weight bakeTimeInMinutes base',
    'canaryBakeTimeInMinutes canaryPercent desiredCount stepPercent healthCheckGracePeriodSeconds',
    'healthCheckIntervalSeconds healthCheckPort healthCheckTimeoutSeconds healthyPercent healthyThresholdCount',
    'idleTimeoutSeconds ingressPortOverride iops maximumPercent minimumHealthyPercent perRequestTimeoutSeconds',
    'resolutionSeconds stepBakeTimeInMinutes throughput timeoutInMinutes timeoutSeconds',
    'unhealthyThresholdCount volumeInitializationRate',
  ].flatMap((names) => names.split(' ')),
);

/** Members that are true or false wherever they stand. */
export const FLAG_MEMBERS: ReadonlySet<string> = new Set(
  [
    'autoprovision configuredAtLaunch disableNetworking enableFaultInjection enabled essential',
    'initProcessEnabled interactive privileged pseudoTerminal readOnly readonlyRootFilesystem enable',
    'enableECSManagedTags enableExecuteCommand encrypted resetOnHealthyTask rollback',
  ].flatMap((names) => names.split(' ')),
);

/** Members whose own members are names and texts of the author's. */
export const TEXT_MAPS: ReadonlySet<string> = new Set(['dockerLabels', 'driverOpts', 'labels', 'options']);

/** Lists of texts in which people write numbers. */
export const TEXT_LISTS: ReadonlySet<string> = new Set([
  'command',
  'entryPoint',
  'links',
  'dnsServers',
  'mountOptions',
]);

/** Puts the types of an AWS task definition or service definition right, where no information is lost by it. */
export function withAwsTypes(definition: JsonObject): JsonObject {
  const typed = membersTyped(definition);
  const size: [string, Json][] = ['cpu', 'memory'].flatMap((name): [string, Json][] => {
    const value = definition[name];
    return value === undefined ? [] : [[name, texted(value)]];
  });
  return { ...typed, ...Object.fromEntries(size) };
}

function membersTyped(value: JsonObject): JsonObject {
  const isPair = 'name' in value || 'key' in value || 'type' in value;
  const members = Object.entries(value).map(([name, member]): [string, Json] => {
    if (name === 'value' && isPair) return [name, texted(member)];
    return [name, memberTyped(name, member)];
  });
  return Object.fromEntries(members);
}

function memberTyped(name: string, value: Json): Json {
  if (typeof value === 'string') return scalarTyped(name, value);
  if (isJsonArray(value)) {
    if (TEXT_LISTS.has(name)) return value.map(texted);
    return value.map((item) => (isJsonObject(item) ? membersTyped(item) : item));
  }
  if (!isJsonObject(value)) return value;
  if (!TEXT_MAPS.has(name)) return membersTyped(value);
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, texted(member)]));
}

function scalarTyped(name: string, text: string): Json {
  const trimmed = text.trim();
  if (NUMBER_MEMBERS.has(name) && /^-?[0-9]{1,15}(\.[0-9]{1,6})?$/.test(trimmed)) return Number(trimmed);
  if (FLAG_MEMBERS.has(name) && (trimmed === 'true' || trimmed === 'false')) return trimmed === 'true';
  return text;
}

function texted(value: Json): Json {
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
}
