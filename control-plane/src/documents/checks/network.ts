import { isJsonArray, isJsonObject, type Json } from '@outrider/shared/json.ts';
import { keyOf } from '@outrider/shared/model/resource.ts';
import type { OutlinedPhase } from '../../domain/planning/outline.ts';
import type { Catalog } from './catalog.ts';
import type { Checkable, Report } from './report.ts';

/**
 * Tasks with a network interface of their own (Fargate, awsvpc) need subnets, and Fargate needs a role with which it
 * pulls the image. Both may come from the infrastructure or from the service's own AWS documents.
 */
export function checkNetwork(document: Checkable, phase: OutlinedPhase, catalog: Catalog, report: Report): void {
  const { service, infrastructure } = phase;
  const { taskDefinition = {}, serviceDefinition } = service.spec;
  const fargate = infrastructure.spec.launchType === 'FARGATE';
  if (!fargate && taskDefinition['networkMode'] !== 'awsvpc') return;
  const kind = fargate ? 'Fargate tasks' : 'tasks with networkMode awsvpc';
  const given = catalog.given(keyOf(infrastructure));
  const name = infrastructure.metadata.name;
  /** In the infrastructure's own file, when it is given; else where the phase names it. */
  const refuse = (field: string, message: string, hint: string) => {
    const pointer = given === undefined ? `${phase.pointer}/infrastructure` : `/spec/${field}`;
    report.add(given ?? document, { pointer, message, hint });
  };
  if (
    (infrastructure.spec.network?.subnets ?? []).length === 0 &&
    !namesSubnets(serviceDefinition['networkConfiguration'])
  ) {
    const message = `the infrastructure "${name}" has no subnets: at least 1 subnet is required for ${kind}`;
    refuse('network', message, 'add network: { subnets: [subnet-…], securityGroups: [sg-…] }');
  }
  const ownRole = taskDefinition['executionRoleArn'];
  const hasOwnRole = typeof ownRole === 'string' && !ownRole.includes('${EXECUTION_ROLE}');
  if (fargate && infrastructure.spec.executionRole === undefined && !hasOwnRole) {
    const message = `the infrastructure "${name}" has no executionRole: an execution role ARN is required for Fargate tasks`;
    refuse('launchType', message, 'add executionRole: arn:aws:iam::…:role/…');
  }
}

function namesSubnets(configuration: Json | undefined): boolean {
  const vpc = isJsonObject(configuration) ? configuration['awsvpcConfiguration'] : undefined;
  const subnets = isJsonObject(vpc) ? vpc['subnets'] : undefined;
  return isJsonArray(subnets) ? subnets.length > 0 : typeof subnets === 'string';
}
