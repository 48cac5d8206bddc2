import autoscaling from './generated/application-autoscaling.json' with { type: 'json' };
import ec2 from './generated/ec2.json' with { type: 'json' };
import ecs from './generated/ecs.json' with { type: 'json' };
import elbv2 from './generated/elbv2.json' with { type: 'json' };
import logs from './generated/logs.json' with { type: 'json' };
import sts from './generated/sts.json' with { type: 'json' };
import { parseServiceModel } from './model.ts';

/** AWS's published models of the services spoken here; immutable, shared by all simulators of a process. */
export const MODELS = {
  ecs: parseServiceModel(ecs),
  elbv2: parseServiceModel(elbv2),
  autoscaling: parseServiceModel(autoscaling),
  sts: parseServiceModel(sts),
  ec2: parseServiceModel(ec2),
  logs: parseServiceModel(logs),
} as const;

export type ServiceName = keyof typeof MODELS;
