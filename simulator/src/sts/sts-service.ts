import { MODELS } from '../validation/models.ts';
import { AwsError } from '../wire/aws-error.ts';
import { defineOperation } from '../wire/operation.ts';
import { operationMap, type ServiceDefinition } from '../wire/service-definition.ts';
import { lastPart } from '../world/lookups.ts';

interface AssumeRoleInput {
  readonly RoleArn: string;
  readonly RoleSessionName: string;
  readonly DurationSeconds?: number;
}

const SETTINGS = { mutates: false, quota: 'sts' } as const;
const DEFAULT_DURATION_SECONDS = 3_600;
/** Role sessions remembered; the oldest go first. */
const SESSIONS_KEPT = 10_000;

const operations = [
  defineOperation('GetCallerIdentity', SETTINGS, ({ world, accessKeyId }) => {
    const session = world.state.sessions[accessKeyId];
    const Account = session === undefined ? world.state.accountId : (session.split(':')[4] ?? world.state.accountId);
    if (session === undefined) {
      return { UserId: 'AIDASIMULATOR00000001', Account, Arn: `arn:aws:iam::${Account}:user/simulator` };
    }
    return { UserId: `AROASIMULATOR00000001:${lastPart(session)}`, Account, Arn: session };
  }),
  defineOperation('AssumeRole', SETTINGS, ({ world }, input: AssumeRoleInput) => {
    const [, account, role] = /^arn:aws[\w-]*:iam::(\d{12}):role\/([\w+=,.@/-]+)$/.exec(input.RoleArn) ?? [];
    if (account === undefined || role === undefined)
      throw new AwsError('ValidationError', `${input.RoleArn} is invalid`);
    const session = `arn:aws:sts::${account}:assumed-role/${lastPart(role)}/${input.RoleSessionName}`;
    const { sessions } = world.state;
    // Taken from the request ids: handing out credentials must not change the world's future.
    const secret = `${world.requestId()}${world.requestId()}`.replaceAll('-', '');
    const AccessKeyId = `ASIA${secret.slice(0, 16).toUpperCase()}`;
    sessions[AccessKeyId] = session;
    const keys = Object.keys(sessions);
    for (const key of keys.slice(0, Math.max(0, keys.length - SESSIONS_KEPT))) delete sessions[key];
    return {
      Credentials: {
        AccessKeyId,
        SecretAccessKey: `simulated${secret.slice(0, 31)}`,
        SessionToken: `simulated${secret}`,
        Expiration: world.now + (input.DurationSeconds ?? DEFAULT_DURATION_SECONDS) * 1000,
      },
      AssumedRoleUser: { AssumedRoleId: `AROASIMULATOR00000001:${input.RoleSessionName}`, Arn: session },
    };
  }),
];

export const STS: ServiceDefinition = {
  name: 'sts',
  model: MODELS.sts,
  protocol: { kind: 'query', namespace: 'https://sts.amazonaws.com/doc/2011-06-15/' },
  operations: operationMap(operations),
  throttled: { code: 'Throttling', message: 'Rate exceeded' },
  malformed: (message) => new AwsError('ValidationError', message),
  invalid: (_operation, _violations, message) => new AwsError('ValidationError', message),
};
