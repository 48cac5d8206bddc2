import type { JsonObject } from '@outrider/shared/json.ts';
import type { DelegateStepType } from '@outrider/shared/steps/index.ts';
import type { StepTask } from '@outrider/shared/steps/task.ts';
import type { StepHandler } from './contract.ts';
import { ecsCanaryDelete } from './ecs-canary-delete.ts';
import { ecsCanaryDeploy } from './ecs-canary-deploy.ts';
import { ecsDaemonRollback } from './ecs-daemon-rollback.ts';
import { ecsDaemonServiceSetup } from './ecs-daemon-service-setup.ts';
import { ecsRollbackContainers } from './ecs-rollback-containers.ts';
import { ecsRollingDeploy } from './ecs-rolling-deploy.ts';
import { ecsRollingRollback } from './ecs-rolling-rollback.ts';
import { ecsRunTask } from './ecs-run-task.ts';
import { ecsServiceSetup } from './ecs-service-setup.ts';
import { ecsSteadyStateCheck } from './ecs-steady-state-check.ts';
import { ecsUpgradeContainers } from './ecs-upgrade-containers.ts';
import { httpCheck } from './http-check.ts';
import { runStepWith, type StepRunContext, type StepRunOutcome } from './run-step.ts';
import { shellScript } from './shell-script.ts';
import { wait } from './wait.ts';

export type { StepRunContext, StepRunOutcome } from './run-step.ts';

/** Every step a delegate can do, by type: leaving one out does not compile. */
export const HANDLERS = {
  'ecs-service-setup': ecsServiceSetup,
  'ecs-upgrade-containers': ecsUpgradeContainers,
  'ecs-rollback-containers': ecsRollbackContainers,
  'ecs-daemon-service-setup': ecsDaemonServiceSetup,
  'ecs-daemon-rollback': ecsDaemonRollback,
  'ecs-steady-state-check': ecsSteadyStateCheck,
  'ecs-canary-deploy': ecsCanaryDeploy,
  'ecs-canary-delete': ecsCanaryDelete,
  'ecs-rolling-deploy': ecsRollingDeploy,
  'ecs-rolling-rollback': ecsRollingRollback,
  'http-check': httpCheck,
  wait,
  'ecs-run-task': ecsRunTask,
  'shell-script': shellScript,
} satisfies { [K in DelegateStepType]: StepHandler<K> };

/**
 * Runs one offered step to its end, on this delegate's AWS. Never throws. `facts` are those that earlier runs of the
 * attempt saved (`{}` on a first run); the log, facts and counts go through `ctx`.
 */
export async function runStep(task: StepTask, facts: JsonObject, ctx: StepRunContext): Promise<StepRunOutcome> {
  return await runStepWith(HANDLERS, task, facts, ctx);
}
