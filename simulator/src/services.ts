import { AUTOSCALING } from './autoscaling/autoscaling-service.ts';
import { EC2 } from './ec2/ec2-service.ts';
import { ECS } from './ecs/ecs-service.ts';
import { ELBV2 } from './elbv2/elbv2-service.ts';
import { LOGS } from './logs/logs-service.ts';
import { STS } from './sts/sts-service.ts';
import type { ServiceDefinition } from './wire/service-definition.ts';

/** The AWS services that the simulator speaks. */
export const SERVICES: readonly ServiceDefinition[] = [ECS, ELBV2, AUTOSCALING, STS, EC2, LOGS];
