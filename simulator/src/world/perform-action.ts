import type { Action } from './agenda.ts';
import { actAsAutoscaler } from './autoscaler.ts';
import { reconcileService } from './reconcile.ts';
import { requestReconcile } from './service-schedule.ts';
import { probeTarget } from './target-probes.ts';
import { removeTarget } from './targets.ts';
import { endTask } from './task-endings.ts';
import { stepTask } from './task-life.ts';
import type { World } from './world.ts';

/** Does one thing that the agenda says is due. Actions that came too late find nothing to do. */
export function performAction(world: World, action: Action): void {
  const { state } = world;
  switch (action.kind) {
    case 'reconcile-service': {
      const service = state.services[action.serviceArn];
      if (service !== undefined && service.reconcileToken === action.token) reconcileService(world, service);
      return;
    }
    case 'reconcile-later': {
      const service = state.services[action.serviceArn];
      if (service !== undefined) requestReconcile(world, service, 0);
      return;
    }
    case 'step-task': {
      const task = state.tasks[action.taskArn];
      if (task !== undefined && task.stepToken === action.token) stepTask(world, task);
      return;
    }
    case 'end-task': {
      const task = state.tasks[action.taskArn];
      if (task !== undefined) endTask(world, task, action.ending);
      return;
    }
    case 'forget-task':
      delete state.tasks[action.taskArn];
      return;
    case 'forget-service': {
      const service = state.services[action.serviceArn];
      if (service?.status === 'INACTIVE') delete state.services[action.serviceArn];
      return;
    }
    case 'probe-target':
      probeTarget(world, action.targetGroupArn, action.id, action.port);
      return;
    case 'drop-target':
      removeTarget(world, action.targetGroupArn, action.id, action.port);
      return;
    case 'autoscaler':
      actAsAutoscaler(world, action.faultId);
      return;
    default:
      action satisfies never;
  }
}
