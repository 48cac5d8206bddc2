import type { ServiceDeployment } from '@aws-sdk/client-ecs';
import { addServiceEvent } from './events.ts';
import { clusterNameOf } from './lookups.ts';
import { reconcileSoon } from './service-schedule.ts';
import type { DeploymentState, ServiceState } from './state.ts';
import type { Wire } from './wire-types.ts';
import type { World } from './world.ts';

/** Deployments of a service that history keeps. */
const HISTORY_KEPT = 50;

/** Starts a new PRIMARY deployment of the service's current task definition; an older one becomes ACTIVE until its tasks are gone. */
export function startDeployment(world: World, service: ServiceState, isRollback = false): DeploymentState {
  const digits = world.digits(19);
  const id = `ecs-svc/${digits}`;
  const path = `${clusterNameOf(service.clusterArn)}/${service.name}`;
  for (const older of service.deployments) older.status = 'ACTIVE';
  const previous = service.deployments[0];
  const created: DeploymentState = {
    id,
    taskDefinition: service.taskDefinition,
    createdAt: world.now,
    isRollback,
    ...(service.settings.networkConfiguration === undefined
      ? {}
      : { networkConfiguration: service.settings.networkConfiguration }),
    serviceRevision: world.arn('ecs', `service-revision/${path}/${digits}`),
    status: 'PRIMARY',
    updatedAt: world.now,
    failedTasks: 0,
    rolloutState: 'IN_PROGRESS',
    rolloutStateReason: `ECS deployment ${id} in progress.`,
  };
  service.deployments.unshift(created);
  service.failureStreak = 0;
  service.nextStartAt = 0;
  service.announcedProblem = '';
  service.steady = false;
  recordStart(world, service, created, previous);
  reconcileSoon(world, service);
  return created;
}

/** The rollout is done: only the PRIMARY deployment stays. */
export function completeDeployment(world: World, service: ServiceState, deployment: DeploymentState): void {
  service.completedTaskDefinition = deployment.taskDefinition;
  deployment.rolloutState = 'COMPLETED';
  deployment.rolloutStateReason = `ECS deployment ${deployment.id} completed.`;
  deployment.updatedAt = world.now;
  deployment.failedTasks = 0;
  addServiceEvent(world, service, `(deployment ${deployment.id}) deployment completed.`);
  const record = recordOf(service, deployment);
  if (record === undefined) return;
  record.status = deployment.isRollback ? 'ROLLBACK_SUCCESSFUL' : 'SUCCESSFUL';
  record.finishedAt = world.now;
  record.updatedAt = world.now;
}

/** The circuit breaker gives the rollout up, and rolls back if it was told to and there is something to go back to. */
export function failDeployment(world: World, service: ServiceState, deployment: DeploymentState): void {
  deployment.rolloutState = 'FAILED';
  deployment.rolloutStateReason = 'ECS deployment circuit breaker: tasks failed to start.';
  deployment.updatedAt = world.now;
  addServiceEvent(world, service, `(deployment ${deployment.id}) deployment failed: tasks failed to start.`);
  const record = recordOf(service, deployment);
  if (record !== undefined) {
    record.status = 'STOPPED';
    record.statusReason = 'Deployment circuit breaker: tasks failed to start.';
    record.finishedAt = world.now;
    record.updatedAt = world.now;
    record.deploymentCircuitBreaker = { status: 'TRIGGERED', failureCount: deployment.failedTasks, threshold: 3 };
  }
  const back = service.completedTaskDefinition;
  if (service.settings.deploymentConfiguration?.deploymentCircuitBreaker?.rollback !== true || back === '') return;
  service.taskDefinition = back;
  const rollback = startDeployment(world, service, true);
  rollback.rolloutStateReason = `ECS deployment circuit breaker: rolling back to deploymentId ${rollback.id}.`;
  addServiceEvent(world, service, `rolling back to deployment ${rollback.id}.`);
}

/** A deployment that a newer one replaced before it was done. */
function recordStart(
  world: World,
  service: ServiceState,
  created: DeploymentState,
  previous: DeploymentState | undefined,
): void {
  const replaced = previous === undefined ? undefined : recordOf(service, previous);
  if (replaced?.status === 'IN_PROGRESS') {
    replaced.status = 'STOPPED';
    replaced.statusReason = 'A new deployment was started.';
    replaced.finishedAt = world.now;
  }
  const path = `${clusterNameOf(service.clusterArn)}/${service.name}`;
  const record: Wire<ServiceDeployment> = {
    serviceDeploymentArn: world.arn('ecs', `service-deployment/${path}/${created.id.slice('ecs-svc/'.length)}`),
    serviceArn: service.arn,
    clusterArn: service.clusterArn,
    createdAt: world.now,
    startedAt: world.now,
    updatedAt: world.now,
    sourceServiceRevisions: previous === undefined ? [] : [{ arn: previous.serviceRevision }],
    targetServiceRevision: { arn: created.serviceRevision },
    status: 'IN_PROGRESS',
  };
  service.history.unshift(record);
  if (service.history.length > HISTORY_KEPT) service.history.length = HISTORY_KEPT;
}

function recordOf(service: ServiceState, deployment: DeploymentState): Wire<ServiceDeployment> | undefined {
  return service.history.find((record) => record.targetServiceRevision?.arn === deployment.serviceRevision);
}
