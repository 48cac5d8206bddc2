import type { Json, JsonObject } from '@outrider/shared/json.ts';

export const HEAD = { apiVersion: 'outrider/v1', metadata: { application: 'ECS', name: 'x' } };
export const CONTAINER = { name: '${CONTAINER_NAME}', image: '${DOCKER_IMAGE_NAME}' };
export const SERVICE = {
  ...HEAD,
  kind: 'Service',
  spec: { artifact: { image: 'library/nginx' }, taskDefinition: { containerDefinitions: [CONTAINER] } },
};

export function service(spec: JsonObject): Json {
  return { ...SERVICE, spec: { ...SERVICE.spec, ...spec } };
}

export function workflow(phase: JsonObject, spec: JsonObject = {}): Json {
  const phases = [{ name: 'P', service: 's', infrastructure: 'i', ...phase }];
  return { ...HEAD, kind: 'Workflow', spec: { type: 'CANARY', environment: 'e', phases, ...spec } };
}

export function step(fields: JsonObject): Json {
  return workflow({ sections: { 'Deploy Containers': [{ name: 'S', ...fields }] } });
}

export function infrastructure(spec: JsonObject): Json {
  return { ...HEAD, kind: 'Infrastructure', spec: { environment: 'e', region: 'us-east-1', cluster: 'c', ...spec } };
}
