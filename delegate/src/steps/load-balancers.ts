import type { JsonObject } from '@outrider/shared/json.ts';
import type { DeployedService, DeploymentTarget } from '@outrider/shared/steps/target.ts';
import { textOf } from '../json.ts';
import type { StepContext } from './contract.ts';
import { failure } from './failures.ts';
import { portsOf } from './service-request.ts';
import { containersOf, isFargate, networkModeOf } from './task-definition.ts';

/** One load balancer as the step's input names it. */
export interface LoadBalancerInput {
  readonly loadBalancer?: string | undefined;
  readonly targetGroupArn: string;
  readonly containerName?: string | undefined;
  readonly containerPort?: number | undefined;
}

export interface Balanced {
  /** AWS's `loadBalancers`. */
  readonly loadBalancers: readonly JsonObject[];
  /** Undefined: AWS takes none here, or none was given. */
  readonly role: string | undefined;
  /** Why a role that was given is left out; empty: it is not. */
  readonly roleLeftOut: string;
}

/** Finds out which container and port each target group gets, and refuses what AWS would refuse later. */
export async function resolveLoadBalancers(
  ctx: Pick<StepContext<unknown>, 'aws'>,
  inputs: readonly LoadBalancerInput[],
  roleArn: string | undefined,
  deployed: { readonly service: DeployedService; readonly target: DeploymentTarget },
): Promise<Balanced> {
  const loadBalancers: JsonObject[] = [];
  const containers = containersOf(deployed.service.taskDefinition);
  for (const input of inputs) {
    const group = await ctx.aws.loadBalancing.describeTargetGroup(input.targetGroupArn);
    if (group === undefined) {
      throw failure('step-input-invalid', `Target group is null for the given ARN: ${input.targetGroupArn}`, {
        hint: 'Check the ARN, the region and the account of the target group.',
      });
    }
    const place = placeFor(input, group.port, containers);
    loadBalancers.push({ targetGroupArn: input.targetGroupArn, ...place });
  }
  return { loadBalancers, ...roleFor(roleArn, loadBalancers.length, deployed) };
}

function roleFor(
  roleArn: string | undefined,
  count: number,
  deployed: { readonly service: DeployedService; readonly target: DeploymentTarget },
): { role: string | undefined; roleLeftOut: string } {
  if (roleArn === undefined || roleArn.trim() === '' || count === 0) return { role: undefined, roleLeftOut: '' };
  if (count > 1) return { role: undefined, roleLeftOut: 'AWS takes no role for several target groups' };
  if (isFargate(deployed.target) || networkModeOf(deployed.service.taskDefinition, deployed.target) === 'awsvpc') {
    return { role: undefined, roleLeftOut: 'AWS takes no role where tasks have their own network interface' };
  }
  return { role: roleArn.trim(), roleLeftOut: '' };
}

/** Container and port as given, or found from the target group's port (harness-facts §1.2). */
export function placeFor(
  input: LoadBalancerInput,
  groupPort: number,
  containers: readonly JsonObject[],
): { containerName: string; containerPort: number } {
  const name = input.containerName?.trim() ?? '';
  if (name === '' && input.containerPort !== undefined) {
    throw failure('step-input-invalid', 'containerName cannot be empty when containerPort is given', {
      hint: `Name the container that listens on port ${input.containerPort}.`,
    });
  }
  const candidates = name === '' ? containers : containers.filter((container) => container['name'] === name);
  if (candidates.length === 0) {
    const known = containers.map((container) => textOf(container['name'])).join(', ');
    throw failure('step-input-invalid', `There is no container "${name}" in the task definition`, {
      hint: `Use one of: ${known}.`,
    });
  }
  if (input.containerPort !== undefined) return { containerName: name, containerPort: input.containerPort };
  return portFor(input, groupPort, candidates);
}

function portFor(
  input: LoadBalancerInput,
  groupPort: number,
  containers: readonly JsonObject[],
): { containerName: string; containerPort: number } {
  const mappings = containers.flatMap((container) =>
    portsOf(container).map((port) => ({ ...port, containerName: textOf(container['name']) })),
  );
  const byContainerPort = mappings.filter((mapping) => mapping.containerPort === groupPort);
  const byHostPort = mappings.filter((mapping) => mapping.hostPort === groupPort);
  const found = [byContainerPort, byHostPort, mappings].find((candidates) => candidates.length === 1)?.[0];
  if (found !== undefined) return { containerName: found.containerName, containerPort: found.containerPort };
  const text =
    byContainerPort.length > 1
      ? `Only one port mapping should match the target port: ${groupPort} for target group: ${input.targetGroupArn}`
      : `Error: No container definition has port mapping that matches the target port: ${groupPort} for target group: ${input.targetGroupArn}`;
  throw failure('step-input-invalid', text, { hint: 'Give containerName and containerPort of the load balancer.' });
}
