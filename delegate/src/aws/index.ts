import { createAutoScaling } from './auto-scaling.ts';
import type { AwsClients } from './clients.ts';
import { createContainerLogs } from './container-logs.ts';
import { createEcs } from './ecs.ts';
import { createInstances } from './instances.ts';
import { createLoadBalancing } from './load-balancing.ts';
import type { MutationGate } from './mutation-gate.ts';
import type { Aws } from './ports.ts';
import { type CallTools, createCalls } from './retry.ts';

export { type AwsClients, createAwsClients } from './clients.ts';
export type { MutationGate } from './mutation-gate.ts';
export type { CallTools } from './retry.ts';

export interface AwsOptions {
  /** One cache of SDK clients for the whole process: `createAwsClients()`. */
  readonly clients: AwsClients;
  readonly region: string;
  /** The role to work as; left out: the delegate's own. */
  readonly assumeRole?: { readonly arn: string; readonly externalId?: string | undefined } | undefined;
  readonly gate: MutationGate;
  /** The step's signal; its reason is a StopReason. Reads end with it; a mutation that was sent is let finish. */
  readonly signal: AbortSignal;
  /** Waiting, time and chance for the retries of mutations. */
  readonly tools: CallTools;
}

/** AWS for one step: the ports of ports.ts over the real SDK. Cheap; the clients behind it are shared. */
export function createAws(options: AwsOptions): Aws {
  const clients = options.clients.forAccount({ region: options.region, assumeRole: options.assumeRole });
  const calls = createCalls({ gate: options.gate, signal: options.signal, tools: options.tools });
  return {
    ecs: createEcs(clients, calls),
    autoScaling: createAutoScaling(clients, calls),
    loadBalancing: createLoadBalancing(clients, calls),
    instances: createInstances(clients, calls),
    logs: createContainerLogs(clients, calls),
  };
}
