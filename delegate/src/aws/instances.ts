import type { AccountClients } from './clients.ts';
import { instancesOf } from './ec2-answer.ts';
import type { Instances } from './ports.ts';
import type { Calls } from './retry.ts';

const OPERATION = 'EC2 DescribeInstances';
const FILTER_VALUES_MAX = 200;
const MAX_PAGES = 100;

/**
 * EC2's DescribeInstances, signed and sent without the EC2 client: that one costs 57 MB of memory for this single call.
 * Ids go into the filter `instance-id`, which forgives ids that no longer exist.
 */
export function createInstances(clients: AccountClients, calls: Calls): Instances {
  return {
    async privateAddresses(ec2InstanceIds) {
      const found = new Map<string, string>();
      // `mi-…` are machines outside EC2 (ECS Anywhere): EC2 knows nothing of them.
      const ids = [...new Set(ec2InstanceIds)].filter((id) => id.startsWith('i-'));
      for (let start = 0; start < ids.length; start += FILTER_VALUES_MAX) {
        let token = '';
        for (let page = 0; page < MAX_PAGES; page++) {
          const body = describeInstancesBody(ids.slice(start, start + FILTER_VALUES_MAX), token);
          const answer = instancesOf(
            await calls.read(OPERATION, ({ abortSignal }) => clients.askEc2(body, abortSignal)),
          );
          for (const [id, address] of answer.addresses) found.set(id, address);
          if (answer.nextToken === '') break;
          token = answer.nextToken;
        }
      }
      return found;
    },
  };
}

export function describeInstancesBody(ids: readonly string[], nextToken: string): string {
  const body = new URLSearchParams({ Action: 'DescribeInstances', Version: '2016-11-15' });
  body.set('Filter.1.Name', 'instance-id');
  for (const [index, id] of ids.entries()) body.set(`Filter.1.Value.${index + 1}`, id);
  if (nextToken !== '') body.set('NextToken', nextToken);
  return body.toString();
}
