import { isJsonObject, type Json, type JsonObject, parseJsonObject } from '@outrider/shared/json.ts';
import { listOf, textOf } from '../json.ts';
import { failure } from './failures.ts';

/**
 * Auto scaling JSON as operators paste it → clean requests of the API. Taken are: the API's own shape, CloudFormation's
 * resource or its properties, camelCase keys, JSON text, and the whole output of `describe-scalable-targets` or
 * `describe-scaling-policies`. ResourceId, namespace and dimension are ours to set, whatever the JSON says.
 */

const TARGET_FIELDS = ['MinCapacity', 'MaxCapacity', 'RoleARN', 'SuspendedState', 'Tags'];
const POLICY_FIELDS = [
  'PolicyName',
  'PolicyType',
  'TargetTrackingScalingPolicyConfiguration',
  'StepScalingPolicyConfiguration',
  'PredictiveScalingPolicyConfiguration',
];
const ACTION_FIELDS = ['ScheduledActionName', 'Schedule', 'Timezone', 'StartTime', 'EndTime', 'ScalableTargetAction'];
/** Known, and not ours to send: set by us, or only ever answered by AWS. */
const IGNORED = new Set([
  'ServiceNamespace',
  'ResourceId',
  'ScalableDimension',
  'CreationTime',
  'ScalableTargetARN',
  'PredictedCapacity',
  'PolicyARN',
  'Alarms',
  'ScheduledActionARN',
  'ScalingTargetId',
  'ScheduledActions',
]);
const MAX_POLICIES = 50;

export function parseScalableTarget(pasted: JsonObject | string): JsonObject {
  const documents = documentsOf(pasted, 'ScalableTargets', 'scalableTarget');
  const [document] = documents;
  if (document === undefined || documents.length > 1) {
    throw wrong('scalableTarget', `it holds ${documents.length} scalable targets, and one service has one`);
  }
  const target = pick(document, TARGET_FIELDS, 'scalableTarget');
  const min = numberOf(target['MinCapacity'], 'scalableTarget.MinCapacity');
  const max = numberOf(target['MaxCapacity'], 'scalableTarget.MaxCapacity');
  if (min > max) throw wrong('scalableTarget', `MinCapacity ${min} is more than MaxCapacity ${max}`);
  return { ...target, MinCapacity: min, MaxCapacity: max };
}

export function parseScalingPolicies(pasted: readonly (JsonObject | string)[]): JsonObject[] {
  const policies = pasted.flatMap((document) =>
    documentsOf(document, 'ScalingPolicies', 'scalingPolicies').map((policy) => {
      const clean = pick(policy, POLICY_FIELDS, 'scalingPolicies');
      if (typeof clean['PolicyName'] !== 'string') throw wrong('scalingPolicies', 'a policy has no PolicyName');
      return clean;
    }),
  );
  if (policies.length > MAX_POLICIES) {
    throw wrong('scalingPolicies', `AWS takes ${MAX_POLICIES} policies for one target, not ${policies.length}`);
  }
  return policies;
}

/** What AWS showed → what puts it back. AWS's own service-linked role is used without being named. */
export function restorable(kind: 'target' | 'policy' | 'action', shown: JsonObject): JsonObject {
  const fields = kind === 'target' ? TARGET_FIELDS : kind === 'policy' ? POLICY_FIELDS : ACTION_FIELDS;
  const kept = Object.entries(shown).filter(
    ([key, value]) => fields.includes(key) && !(key === 'RoleARN' && textOf(value).includes('/aws-service-role/')),
  );
  return Object.fromEntries(kept);
}

function documentsOf(pasted: JsonObject | string, listName: string, field: string): JsonObject[] {
  const value = typeof pasted === 'string' ? parse(pasted, field) : pasted;
  if (Array.isArray(value)) return listOf(value).map((item) => documentOf(item, field));
  if (!isJsonObject(value)) throw wrong(field, 'it is no JSON object');
  const list = value[listName] ?? value[`${listName.charAt(0).toLowerCase()}${listName.slice(1)}`];
  if (Array.isArray(list)) return listOf(list).map((item) => documentOf(item, field));
  return [documentOf(value, field)];
}

function documentOf(value: Json, field: string): JsonObject {
  if (!isJsonObject(value)) throw wrong(field, 'it is no JSON object');
  const properties = value['Properties'];
  const document = typeof value['Type'] === 'string' && isJsonObject(properties) ? properties : value;
  const capital = upperKeys(document);
  return isJsonObject(capital) ? capital : {};
}

function parse(text: string, field: string): Json {
  const value = parseJsonObject(`{"value":${text}}`)?.['value'];
  if (value === undefined) throw wrong(field, 'it is no JSON');
  return value;
}

/** `minCapacity` → `MinCapacity`, all the way down. */
function upperKeys(value: Json): Json {
  if (Array.isArray(value)) return listOf(value).map(upperKeys);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [
      `${key.charAt(0).toUpperCase()}${key.slice(1)}`,
      // The keys of tags are the author's own.
      key.toLowerCase() === 'tags' ? member : upperKeys(member),
    ]),
  );
}

function pick(document: JsonObject, fields: readonly string[], field: string): JsonObject {
  const kept: Record<string, Json> = {};
  for (const [key, value] of Object.entries(document)) {
    if (fields.includes(key)) kept[key] = value;
    else if (!IGNORED.has(key)) throw wrong(field, `it has an unknown field ${key}; known are ${fields.join(', ')}`);
  }
  return kept;
}

function numberOf(value: Json | undefined, field: string): number {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number === 'number' && Number.isInteger(number) && number >= 0) return number;
  throw wrong(field, `it must be a whole number of at least 0, not ${JSON.stringify(value ?? null)}`);
}

function wrong(field: string, why: string): Error {
  return failure('step-input-invalid', `autoScaler.${field} cannot be used: ${why}`, {
    hint: 'Paste the JSON of `aws application-autoscaling describe-scalable-targets` or `describe-scaling-policies`.',
  });
}
