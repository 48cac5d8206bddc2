import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isJson, isJsonObject, type Json, type JsonObject } from '@outrider/shared/json.ts';
import { parseResource } from '@outrider/shared/model/parse-resource.ts';
import { CONTAINER, infrastructure, SERVICE, service, step } from './sample-resources.ts';

function accepted(value: Json): JsonObject {
  const parsed = parseResource(value);
  assert.ok('resource' in parsed, 'findings' in parsed ? JSON.stringify(parsed.findings, null, 1) : '');
  const json: unknown = JSON.parse(JSON.stringify(parsed.resource));
  assert.ok(isJson(json) && isJsonObject(json));
  return json;
}

describe('what a resource gets by itself', () => {
  test('a service is a replica without variables, in the application default', () => {
    const { metadata, spec } = accepted({ ...SERVICE, metadata: { name: 'x' } });
    assert.deepEqual(metadata, { name: 'x', application: 'default' });
    assert.deepEqual(spec, {
      strategy: 'REPLICA',
      artifact: { image: 'library/nginx' },
      taskDefinition: { containerDefinitions: [CONTAINER] },
      serviceDefinition: {},
      variables: [],
    });
  });

  test('a step gets the defaults of its type', () => {
    const { spec } = accepted(step({ type: 'ecs-upgrade-containers' }));
    assert.match(JSON.stringify(spec), /"with":\{"desiredInstances":"100%"\}/);
  });

  test('what was accepted is accepted again and stays the same', () => {
    const definition = {
      cpu: 256,
      containerDefinitions: [{ ...CONTAINER, memory: '128', environment: [{ name: 'A', value: 1 }] }],
    };
    const given = [
      service({ taskDefinition: definition, serviceDefinition: { cluster: 'x', desiredCount: '2', role: null } }),
      step({ type: 'ecs-service-setup', with: { instances: { fixed: 2 } }, failureStrategies: [{ action: 'retry' }] }),
      infrastructure({ launchType: 'FARGATE', network: {} }),
    ];
    for (const value of given) {
      const once = accepted(value);
      assert.deepEqual(accepted(once), once);
    }
  });

  test('null and what the infrastructure decides is dropped from the AWS documents, and their types are put right', () => {
    const { spec } = accepted(
      service({
        taskDefinition: {
          cpu: 256,
          memory: 512,
          volumes: null,
          containerDefinitions: [
            { ...CONTAINER, memory: '128', essential: 'true', environment: [{ name: 'A', value: 1 }] },
          ],
        },
        serviceDefinition: {
          cluster: 'elsewhere',
          taskDefinition: 'f:1',
          healthCheckGracePeriodSeconds: null,
          desiredCount: '2',
        },
      }),
    );
    assert.deepEqual(spec, {
      strategy: 'REPLICA',
      artifact: { image: 'library/nginx' },
      taskDefinition: {
        cpu: '256',
        memory: '512',
        containerDefinitions: [
          { ...CONTAINER, memory: 128, essential: true, environment: [{ name: 'A', value: '1' }] },
        ],
      },
      serviceDefinition: { desiredCount: 2 },
      variables: [],
    });
  });
});
