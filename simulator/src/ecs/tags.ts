import type { ListTagsForResourceRequest, Tag, TagResourceRequest, UntagResourceRequest } from '@aws-sdk/client-ecs';
import { AwsError, invalidParameter } from '../wire/aws-error.ts';
import { defineOperation } from '../wire/operation.ts';
import type { WorldState } from '../world/state.ts';
import type { Wire } from '../world/wire-types.ts';
import { checkTags } from './arguments.ts';

const MODIFY = { mutates: true, quota: 'ecs tag modify' } as const;

export const tagOperations = [
  defineOperation('TagResource', MODIFY, ({ world }, input: Wire<TagResourceRequest>) => {
    const holder = holderOf(world.state, input.resourceArn);
    checkTags(input.tags);
    const changed = new Set(input.tags.map((tag) => tag.key));
    const tags = [...holder.tags.filter((tag) => !changed.has(tag.key)), ...input.tags];
    checkTags(tags);
    holder.tags = tags;
    return {};
  }),
  defineOperation('UntagResource', MODIFY, ({ world }, input: Wire<UntagResourceRequest>) => {
    const holder = holderOf(world.state, input.resourceArn);
    holder.tags = holder.tags.filter((tag) => !input.tagKeys.includes(tag.key ?? ''));
    return {};
  }),
  defineOperation(
    'ListTagsForResource',
    { mutates: false, quota: 'ecs tag read' },
    ({ world }, input: Wire<ListTagsForResourceRequest>) => ({
      tags: holderOf(world.state, input.resourceArn).tags,
    }),
  ),
];

/** What carries the tags of a resource. Short service ARNs, without the cluster, cannot be tagged. */
function holderOf(state: WorldState, arn: string): { tags: Wire<Tag>[] } {
  const [, kind, rest = ''] = /^arn:aws[\w-]*:ecs:[\w-]+:\d{12}:([\w-]+)\/(.+)$/.exec(arn) ?? [];
  if (kind === undefined) throw invalidParameter('Invalid identifier: the resource ARN is not valid.');
  if (kind === 'service' && !rest.includes('/'))
    throw invalidParameter('Long arn format must be used for tagging operations');
  const task = state.tasks[arn]?.task;
  const holder =
    state.services[arn] ??
    state.instances[arn] ??
    state.taskDefinitions[arn] ??
    Object.values(state.clusters).find((cluster) => cluster.arn === arn) ??
    (task === undefined ? undefined : Object.assign(task, { tags: task.tags ?? [] }));
  if (holder === undefined)
    throw new AwsError('ResourceNotFoundException', 'The specified resource could not be found.');
  return holder;
}
