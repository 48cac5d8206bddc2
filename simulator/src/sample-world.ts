import type { ClusterOptions } from './start.ts';

/** The world of `outrider dev` and of the quickstart: what exists before anybody deploys anything. */
export const SAMPLE_REGION = 'us-east-1';
export const SAMPLE_ACCOUNT = '123456789012';
export const SAMPLE_CLUSTERS: readonly ClusterOptions[] = [{ name: 'example', instances: 3 }, { name: 'fargate' }];
export const SAMPLE_EXECUTION_ROLE = `arn:aws:iam::${SAMPLE_ACCOUNT}:role/ecsTaskExecutionRole`;
/** Any well-formed subnets and security groups are accepted; these are the ones of the examples. */
export const SAMPLE_SUBNETS: readonly string[] = ['subnet-0a1b2c3d4e5f60711', 'subnet-0a1b2c3d4e5f60712'];
export const SAMPLE_SECURITY_GROUPS: readonly string[] = ['sg-0a1b2c3d4e5f60721'];

/** Credentials that satisfy the signature check: the simulator wants requests signed, by whatever key. */
export const SAMPLE_CREDENTIALS = { accessKeyId: 'AKIASIMULATOR0000001', secretAccessKey: 'simulated' } as const;

/** What an AWS client, or the delegate, must have in its environment to talk to a simulator. */
export function clientEnvironment(simulator: {
  readonly url: string;
  readonly agentPort: number;
}): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: simulator.url,
    AWS_REGION: SAMPLE_REGION,
    AWS_DEFAULT_REGION: SAMPLE_REGION,
    AWS_ACCESS_KEY_ID: SAMPLE_CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: SAMPLE_CREDENTIALS.secretAccessKey,
    OUTRIDER_ECS_AGENT_PORT: String(simulator.agentPort),
  };
}

export interface FirstVersion {
  readonly family: string;
  readonly image: string;
  /** Default 2. */
  readonly desiredCount?: number;
  /** Tags of the service, such as the ones an earlier deployment would have left. */
  readonly tags?: readonly { readonly key: string; readonly value: string }[];
}

/**
 * The requests that bring an older version of a service into the `example` cluster: register the task definition, then
 * create the service `family__REVISION` with the revision that came back. To be sent with any ECS client.
 */
export function firstVersionRequests(version: FirstVersion): {
  taskDefinition: {
    family: string;
    containerDefinitions: { name: string; image: string; memory: number; portMappings: { containerPort: number }[] }[];
  };
  service: (revision: number) => {
    cluster: string;
    serviceName: string;
    taskDefinition: string;
    desiredCount: number;
    clientToken: string;
    tags: { key: string; value: string }[];
  };
} {
  const container = version.image.toLowerCase().replaceAll(/[:.+*/\\ &$|"']/g, '_');
  return {
    taskDefinition: {
      family: version.family,
      containerDefinitions: [
        { name: container, image: version.image, memory: 256, portMappings: [{ containerPort: 80 }] },
      ],
    },
    service: (revision) => ({
      cluster: 'example',
      serviceName: `${version.family}__${revision}`,
      taskDefinition: `${version.family}:${revision}`,
      desiredCount: version.desiredCount ?? 2,
      clientToken: `first-version-${revision}`,
      tags: (version.tags ?? []).map((tag) => ({ ...tag })),
    }),
  };
}
