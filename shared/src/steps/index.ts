import type { z } from 'zod';
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
import { shellScript } from './shell-script.ts';
import { wait } from './wait.ts';

/** Every step type, by type. A new step is one file beside this one, one line here, and its handler. */
export const STEP_SPECS = {
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
} as const;

export type StepType = keyof typeof STEP_SPECS;
export type DelegateStepType = {
  [K in StepType]: (typeof STEP_SPECS)[K]['runsOn'] extends 'delegate' ? K : never;
}[StepType];

export type RenderedWith<K extends StepType> = z.infer<(typeof STEP_SPECS)[K]['rendered']>;
export type OutputOf<K extends StepType> = z.infer<(typeof STEP_SPECS)[K]['output']>;
export type FactsOf<K extends StepType> = z.infer<(typeof STEP_SPECS)[K]['facts']>;

export const STEP_TYPES: readonly StepType[] = Object.values(STEP_SPECS).map((spec) => spec.type);

export function isStepType(value: string): value is StepType {
  return Object.hasOwn(STEP_SPECS, value);
}
