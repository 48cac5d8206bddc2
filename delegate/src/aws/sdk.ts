import type * as AutoScalingSdk from '@aws-sdk/client-application-auto-scaling';
import type * as EcsSdk from '@aws-sdk/client-ecs';
import type * as LoadBalancingSdk from '@aws-sdk/client-elastic-load-balancing-v2';

/**
 * The SDK's packages: each is loaded when it is first needed, since it takes memory, and looked up once, since even an import
 * of what is loaded already takes its time.
 */
let ecs: Promise<typeof EcsSdk> | undefined;
let autoScaling: Promise<typeof AutoScalingSdk> | undefined;
let loadBalancing: Promise<typeof LoadBalancingSdk> | undefined;

export function ecsSdk(): Promise<typeof EcsSdk> {
  ecs ??= import('@aws-sdk/client-ecs');
  return ecs;
}

export function autoScalingSdk(): Promise<typeof AutoScalingSdk> {
  autoScaling ??= import('@aws-sdk/client-application-auto-scaling');
  return autoScaling;
}

export function loadBalancingSdk(): Promise<typeof LoadBalancingSdk> {
  loadBalancing ??= import('@aws-sdk/client-elastic-load-balancing-v2');
  return loadBalancing;
}
