import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { REPLICA_FOLDER } from '../support/api.ts';

const document = (name: string): unknown => parse(readFileSync(`${REPLICA_FOLDER}${name}.yaml`, 'utf8'));
const files = ['environment', 'infrastructure', 'service', 'workflow'].map((name) => ({
  name: `${name}.yaml`,
  text: readFileSync(`${REPLICA_FOLDER}${name}.yaml`, 'utf8'),
}));

/** A good body of each operation that takes one: what is changed here and there must still be judged, not only read. */
export const REQUEST_SAMPLES: Readonly<Record<string, unknown>> = {
  apply: { files },
  validate: { files },
  startExecution: {
    workflow: 'ECS Replica Strategy',
    application: 'ECS',
    artifacts: { 'Example Default_Replica': ':1.28' },
    variables: { DesiredInstances: '50%' },
    reason: 'because',
  },
  abortExecution: { rollback: true, reason: 'because' },
  rollbackExecution: { reason: 'because' },
  pauseExecution: { reason: 'because' },
  resumeExecution: { reason: 'because' },
  retryStep: { reason: 'because' },
  ignoreStep: { reason: 'because' },
  markStepSuccess: { reason: 'because' },
  createJoinToken: { delegateName: 'vpc-stage', uses: 1, expiresInSeconds: 600 },
  createApiKey: { name: 'ci', role: 'operator', expiresInSeconds: 600 },
  createWebhook: { url: 'https://receiver.example/', events: ['execution.started'], application: 'ECS' },
  replaceWebhook: { url: 'https://receiver.example/', events: ['execution.started'], enabled: false },
  putTrigger: { workflow: 'ECS Replica Strategy', schedule: { cron: '0 3 * * *', timeZone: 'Europe/Berlin' } },
  callTrigger: { artifacts: { 'Example Default_Replica': ':1.28' }, variables: {}, reason: 'because' },
  putService: document('service'),
  putEnvironment: document('environment'),
  putInfrastructure: document('infrastructure'),
  putWorkflow: document('workflow'),
};
