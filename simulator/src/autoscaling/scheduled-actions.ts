import type {
  DeleteScheduledActionRequest,
  DescribeScheduledActionsRequest,
  PutScheduledActionRequest,
  ScheduledAction,
} from '@aws-sdk/client-application-auto-scaling';
import { AwsError } from '../wire/aws-error.ts';
import { defineOperation } from '../wire/operation.ts';
import { compact, type Wire } from '../world/wire-types.ts';
import { checkFilters, checkIdentity, fits, isOf, keyOf, notFound, pageOf, validation } from './arguments.ts';

const MODIFY = { mutates: true, quota: 'autoscaling' } as const;
const READ = { mutates: false, quota: 'autoscaling' } as const;
const MAX_ACTIONS = 200;
const PAGE = 50;

export const scheduledActionOperations = [
  defineOperation('PutScheduledAction', MODIFY, ({ world }, input: Wire<PutScheduledActionRequest>) => {
    checkIdentity(input);
    const { state } = world;
    if (state.scalableTargets[keyOf(input)] === undefined) throw notFound('scalable target', input);
    const key = `${keyOf(input)}|${input.ScheduledActionName}`;
    const known = state.scheduledActions[key];
    const Schedule = input.Schedule ?? known?.Schedule;
    if (Schedule === undefined) throw validation('Schedule must be specified for a new scheduled action');
    if (!/^(?:at|rate|cron)\(.+\)$/.test(Schedule)) throw validation(`Schedule expression is not valid: ${Schedule}`);
    const action = input.ScalableTargetAction ?? known?.ScalableTargetAction;
    if (action?.MinCapacity === undefined && action?.MaxCapacity === undefined) {
      throw validation('ScalableTargetAction must specify MinCapacity, MaxCapacity or both');
    }
    const count = Object.values(state.scheduledActions).filter((other) => isOf(input, other)).length;
    if (known === undefined && count >= MAX_ACTIONS) {
      throw new AwsError('LimitExceededException', `A scalable target has at most ${MAX_ACTIONS} scheduled actions`);
    }
    const path = `scheduledAction:${world.uuid()}:resource/ecs/${input.ResourceId}:scheduledActionName/${input.ScheduledActionName}`;
    state.scheduledActions[key] = compact<Wire<ScheduledAction>>({
      ...known,
      ...input,
      Schedule,
      ScalableTargetAction: action,
      ScheduledActionARN: known?.ScheduledActionARN ?? world.arn('autoscaling', path),
      CreationTime: known?.CreationTime ?? world.now,
    });
    return {};
  }),
  defineOperation('DeleteScheduledAction', MODIFY, ({ world }, input: Wire<DeleteScheduledActionRequest>) => {
    const key = `${keyOf(input)}|${input.ScheduledActionName}`;
    if (world.state.scheduledActions[key] === undefined) {
      throw notFound(`scheduled action named ${input.ScheduledActionName}`, input);
    }
    delete world.state.scheduledActions[key];
    return {};
  }),
  defineOperation('DescribeScheduledActions', READ, ({ world }, input: Wire<DescribeScheduledActionsRequest>) => {
    checkFilters(input);
    const names = input.ScheduledActionNames;
    const found = Object.values(world.state.scheduledActions).filter(
      (action) => fits(action, input) && (names === undefined || names.includes(action.ScheduledActionName ?? '')),
    );
    const { items, ...rest } = pageOf(found, input, PAGE);
    return { ScheduledActions: items, ...rest };
  }),
];
