import type { WorldState } from '@outrider/simulator/world/state.ts';
import type { FinalService, FinalWorld } from './record.ts';

/** Simulated AWS as it is now, as far as deployments can change it. */
export function worldOf(state: WorldState): FinalWorld {
  return {
    services: servicesOf(state),
    taskDefinitions: Object.values(state.taskDefinitions).map(({ definition, tags }) => ({
      arn: definition.taskDefinitionArn ?? '',
      family: definition.family ?? '',
      status: definition.status ?? '',
      tags: tagsOf(tags),
    })),
    weights: [...Object.values(state.listeners), ...Object.values(state.rules)].flatMap((place) => {
      const { name, actions } =
        'listener' in place
          ? { name: place.listener.ListenerArn, actions: place.listener.DefaultActions ?? [] }
          : { name: place.rule.RuleArn, actions: place.rule.Actions ?? [] };
      return actions.flatMap((action) =>
        (action.ForwardConfig?.TargetGroups ?? []).map((group) => ({
          listener: name,
          targetGroup: group.TargetGroupArn ?? '',
          weight: group.Weight ?? 0,
        })),
      );
    }),
    scaling: Object.values(state.scalableTargets)
      .map((target) => ({
        resourceId: target.ResourceId ?? '',
        minimum: target.MinCapacity ?? 0,
        maximum: target.MaxCapacity ?? 0,
        suspended: target.SuspendedState?.DynamicScalingInSuspended === true,
        policies: Object.values(state.scalingPolicies)
          .filter((policy) => policy.ResourceId === target.ResourceId)
          .map((policy) => policy.PolicyName ?? '')
          .toSorted(),
      }))
      .toSorted((one, other) => (one.resourceId < other.resourceId ? -1 : 1)),
  };
}

function servicesOf(state: WorldState): FinalService[] {
  const running = new Map<string, number>();
  for (const { task, serviceArn } of Object.values(state.tasks)) {
    if (task.lastStatus !== 'RUNNING' || serviceArn === undefined) continue;
    running.set(serviceArn, (running.get(serviceArn) ?? 0) + 1);
  }
  return Object.values(state.services)
    .map((service) => ({
      cluster: service.clusterArn.slice(service.clusterArn.lastIndexOf('/') + 1),
      name: service.name,
      status: service.status,
      taskDefinition: service.taskDefinition,
      desired: service.desiredCount,
      running: running.get(service.arn) ?? 0,
      targetGroups: (service.settings.loadBalancers ?? []).map((balancer) => balancer.targetGroupArn ?? ''),
      tags: tagsOf(service.tags),
    }))
    .toSorted((one, other) => (`${one.cluster}/${one.name}` < `${other.cluster}/${other.name}` ? -1 : 1));
}

function tagsOf(
  tags: readonly { readonly key?: string | undefined; readonly value?: string | undefined }[],
): Readonly<Record<string, string>> {
  return Object.fromEntries(tags.map(({ key, value }) => [key ?? '', value ?? '']));
}
