import { ECS } from './ecs/ecs-service.ts';
import type { ServiceDefinition } from './wire/service-definition.ts';

/** The AWS services that the simulator speaks. */
export const SERVICES: readonly ServiceDefinition[] = [ECS];
