import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Json } from '@outrider/shared/json.ts';
import { parseResource } from '@outrider/shared/model/parse-resource.ts';
import { LATER_STEP_TYPES } from '@outrider/shared/model/step.ts';
import fc from 'fast-check';
import { CONTAINER, HEAD, infrastructure, SERVICE, service, step, workflow } from './sample-resources.ts';

/** What somebody may write, where the problem is, what it says and what to do. */
const PROBLEMS: readonly { what: string; value: Json; at: string; says: RegExp; hint: RegExp }[] = [
  { what: 'no mapping', value: [1], at: '', says: /must be a mapping, not a list/, hint: /apiVersion/ },
  {
    what: 'an unknown kind',
    value: { ...HEAD, kind: 'Servise' },
    at: '/kind',
    says: /no kind "Servise"/,
    hint: /"Service"/,
  },
  {
    what: 'a number as kind',
    value: { ...HEAD, kind: 1 },
    at: '/kind',
    says: /must be text, not the number 1/,
    hint: /one of/,
  },
  { what: 'no kind', value: HEAD, at: '', says: /"kind" is missing/, hint: /"Workflow"/ },
  {
    what: 'another version',
    value: { ...SERVICE, apiVersion: 'outrider/v2' },
    at: '/apiVersion',
    says: /outrider\/v2/,
    hint: /outrider\/v1/,
  },
  {
    what: 'a missing field',
    value: { ...SERVICE, spec: { taskDefinition: SERVICE.spec.taskDefinition } },
    at: '/spec',
    says: /"artifact" is missing/,
    hint: /write artifact: … \(what is deployed\)/,
  },
  {
    what: 'a misspelt field',
    value: service({ stratgy: 'REPLICA' }),
    at: '/spec/stratgy',
    says: /unknown field "stratgy" in spec/,
    hint: /did you mean "strategy"/,
  },
  {
    what: 'an unknown field far from all',
    value: service({ zzz: 1 }),
    at: '/spec/zzz',
    says: /unknown field "zzz"/,
    hint: /fields here are "strategy"/,
  },
  {
    what: 'a misspelt required field, once',
    value: { ...SERVICE, metadata: { nam: 'x' } },
    at: '/metadata/nam',
    says: /unknown field "nam"/,
    hint: /"name"/,
  },
  {
    what: 'text for a list',
    value: service({ variables: 'A=1' }),
    at: '/spec/variables',
    says: /must be a list, not the text "A=1"/,
    hint: /"- "/,
  },
  {
    what: 'a number for text',
    value: { ...SERVICE, metadata: { name: 5 } },
    at: '/metadata/name',
    says: /must be text, not the number 5/,
    hint: /in quotes: "5"/,
  },
  {
    what: 'text for a number',
    value: step({ type: 'ecs-canary-deploy', timeoutSeconds: '60' }),
    at: '/spec/phases/0/sections/Deploy Containers/0/timeoutSeconds',
    says: /whole number, not the text "60"/,
    hint: /without|leave out the quotes: 60/,
  },
  {
    what: 'yes for true',
    value: workflow({}, { variables: [{ name: 'A', required: 'yes' }] }),
    at: '/spec/variables/0/required',
    says: /true or false/,
    hint: /write true without quotes/,
  },
  {
    what: 'a value without a value',
    value: service({ artifact: null }),
    at: '/spec/artifact',
    says: /not nothing \(null\)/,
    hint: /leave the field out/,
  },
  {
    what: 'a wrong word',
    value: service({ strategy: 'REPLICAS' }),
    at: '/spec/strategy',
    says: /"REPLICAS" is not allowed as strategy/,
    hint: /"REPLICA"\? \(write one of "REPLICA" and "DAEMON"\)/,
  },
  {
    what: 'an image with a tag',
    value: service({ artifact: { image: 'nginx:1' } }),
    at: '/spec/artifact/image',
    says: /without tag and digest/,
    hint: /comes with the run/,
  },
  {
    what: 'a name with other characters',
    value: { ...SERVICE, metadata: { name: 'a/b' } },
    at: '/metadata/name',
    says: /1 to 128 letters/,
    hint: /Unique/,
  },
  {
    what: 'a name that is too long',
    value: { ...SERVICE, metadata: { name: 'x'.repeat(129) } },
    at: '/metadata/name',
    says: /1 to 128 letters/,
    hint: /./,
  },
  {
    what: 'a name that ECS refuses',
    value: service({ serviceDefinition: { serviceName: 'my app' } }),
    at: '/spec/serviceDefinition/serviceName',
    says: /"my app" cannot be serviceName: ECS takes 1 to 255/,
    hint: /rolling/,
  },
  {
    what: 'a service name without room for Canary',
    value: service({ serviceDefinition: { serviceName: 'x'.repeat(250) } }),
    at: '/spec/serviceDefinition/serviceName',
    says: /more than 249 characters/,
    hint: /./,
  },
  {
    what: 'a family that ECS refuses',
    value: service({ taskDefinition: { family: 'a.b', containerDefinitions: [CONTAINER] } }),
    at: '/spec/taskDefinition/family',
    says: /"a\.b" cannot be family/,
    hint: /./,
  },
  {
    what: 'an AWS member in the wrong case',
    value: service({ serviceDefinition: { desiredcount: 1 } }),
    at: '/spec/serviceDefinition/desiredcount',
    says: /unknown field "desiredcount" in serviceDefinition/,
    hint: /"desiredCount"/,
  },
  {
    what: 'a misspelt member of a container',
    value: service({ taskDefinition: { containerDefinitions: [{ ...CONTAINER, portMapping: [] }] } }),
    at: '/spec/taskDefinition/containerDefinitions/0/portMapping',
    says: /unknown field "portMapping"/,
    hint: /"portMappings"/,
  },
  {
    what: 'what AWS prints but does not take',
    value: service({ taskDefinition: { revision: 3, containerDefinitions: [CONTAINER] } }),
    at: '/spec/taskDefinition/revision',
    says: /unknown field "revision"/,
    hint: /AWS counts the revisions; leave it out/,
  },
  {
    what: 'the list that describe-services prints',
    value: service({ serviceDefinition: { services: [] } }),
    at: '/spec/serviceDefinition/services',
    says: /unknown field/,
    hint: /paste the service itself/,
  },
  {
    what: 'both task definitions',
    value: service({ taskDefinitionFile: 'a.json' }),
    at: '/spec',
    says: /either taskDefinition or taskDefinitionFile/,
    hint: /./,
  },
  {
    what: 'both ways of launching',
    value: infrastructure({ launchType: 'EC2', capacityProviderStrategy: [{ capacityProvider: 'x' }] }),
    at: '/spec',
    says: /either launchType or capacityProviderStrategy/,
    hint: /./,
  },
  {
    what: 'no region',
    value: infrastructure({ region: 'Virginia' }),
    at: '/spec/region',
    says: /such as us-east-1/,
    hint: /./,
  },
  {
    what: 'a role that is no ARN',
    value: infrastructure({ executionRole: 'exec' }),
    at: '/spec/executionRole',
    says: /arn:aws:iam:/,
    hint: /EXECUTION_ROLE/,
  },
  {
    what: 'a misspelt step type',
    value: step({ type: 'ecs-upgrade-container' }),
    at: '/spec/phases/0/sections/Deploy Containers/0/type',
    says: /no step type "ecs-upgrade-container"/,
    hint: /did you mean "ecs-upgrade-containers"\? \(write one of "ecs-service-setup"/,
  },
  // There may be none: then every step type of the format is here.
  ...LATER_STEP_TYPES.slice(0, 1).map((type) => ({
    what: 'a step type of a later version',
    value: step({ type }),
    at: '/spec/phases/0/sections/Deploy Containers/0/type',
    says: new RegExp(`${type} is not available in this version`),
    hint: /available are "ecs-service-setup"/,
  })),
  {
    what: 'an expression in the timeout of a run task',
    value: step({ type: 'ecs-run-task', with: { steadyStateTimeoutMinutes: '${workflow.variables.Minutes}' } }),
    at: '/spec/phases/0/sections/Deploy Containers/0/with/steadyStateTimeoutMinutes',
    says: /must be a whole number/,
    hint: /No expressions/,
  },
  {
    what: 'no step type',
    value: step({}),
    at: '/spec/phases/0/sections/Deploy Containers/0',
    says: /"type" is missing/,
    hint: /./,
  },
  {
    what: 'a misspelt field of a step',
    value: step({ type: 'ecs-canary-deploy', timeoutSecond: 5 }),
    at: '/spec/phases/0/sections/Deploy Containers/0/timeoutSecond',
    says: /unknown field "timeoutSecond"/,
    hint: /"timeoutSeconds"/,
  },
  {
    what: "a misspelt field of a step's with",
    value: step({ type: 'ecs-service-setup', with: { resizeStratgy: 'x' } }),
    at: '/spec/phases/0/sections/Deploy Containers/0/with/resizeStratgy',
    says: /unknown field "resizeStratgy" in with/,
    hint: /"resizeStrategy"/,
  },
  {
    what: 'an expression in the timeout of a daemon setup',
    value: step({ type: 'ecs-daemon-service-setup', with: { steadyStateTimeoutMinutes: '${workflow.variables.T}' } }),
    at: '/spec/phases/0/sections/Deploy Containers/0/with/steadyStateTimeoutMinutes',
    says: /must be a whole number/,
    hint: /no expressions/,
  },
  {
    what: 'an amount that is none',
    value: step({ type: 'ecs-upgrade-containers', with: { desiredInstances: 'many' } }),
    at: '/spec/phases/0/sections/Deploy Containers/0/with/desiredInstances',
    says: /write a count \(2\), a share \(50%\)/,
    hint: /./,
  },
  {
    what: 'a misspelt field of an amount',
    value: step({ type: 'ecs-upgrade-containers', with: { desiredInstances: { percnt: 5 } } }),
    at: '/spec/phases/0/sections/Deploy Containers/0/with/desiredInstances/percnt',
    says: /unknown field "percnt"/,
    hint: /"percent"/,
  },
  {
    what: 'a misspelt parallel group',
    value: workflow({ sections: { 'Deploy Containers': [{ paralel: [] }] } }),
    at: '/spec/phases/0/sections/Deploy Containers/0/paralel',
    says: /unknown field "paralel"/,
    hint: /"parallel"/,
  },
  {
    what: 'a wrong step in a parallel group',
    value: workflow({
      sections: { 'Deploy Containers': [{ parallel: [{ name: 'S', type: 'ecs-canary-deploy', wth: {} }] }] },
    }),
    at: '/spec/phases/0/sections/Deploy Containers/0/parallel/0/wth',
    says: /unknown field "wth"/,
    hint: /"with"/,
  },
  {
    what: 'a misspelt section',
    value: workflow({ sections: { 'Deploy Container': [] } }),
    at: '/spec/phases/0/sections/Deploy Container',
    says: /unknown field "Deploy Container" in sections/,
    hint: /"Deploy Containers"/,
  },
  {
    what: 'a misspelt action',
    value: step({ type: 'ecs-canary-deploy', failureStrategies: [{ action: 'rollback' }] }),
    at: '/spec/phases/0/sections/Deploy Containers/0/failureStrategies/0/action',
    says: /"rollback" is not allowed as action/,
    hint: /"rollback-workflow"/,
  },
  {
    what: 'a negative count',
    value: step({ type: 'ecs-service-setup', with: { instances: { fixed: -1 } } }),
    at: '/spec/phases/0/sections/Deploy Containers/0/with/instances/fixed',
    says: /is -1, and must be at least 0/,
    hint: /0 counts as 2/,
  },
  {
    what: 'both modes of instances',
    value: step({ type: 'ecs-service-setup', with: { instances: { fixed: 1, sameAsRunning: true } } }),
    at: '/spec/phases/0/sections/Deploy Containers/0/with/instances',
    says: /either fixed or sameAsRunning/,
    hint: /./,
  },
  {
    what: 'no phases',
    value: workflow({}, { phases: [] }),
    at: '/spec/phases',
    says: /has 0 entries, and at least 1/,
    hint: /one after the other/,
  },
  {
    what: 'a variable name with a dash',
    value: service({ variables: [{ name: 'a-b', value: 1 }] }),
    at: '/spec/variables/0/name',
    says: /letters, digits and _/,
    hint: /serviceVariable/,
  },
  {
    what: 'an override with a dash',
    value: workflow({ serviceVariableOverrides: { 'a-b': 1 } }),
    at: '/spec/phases/0/serviceVariableOverrides/a-b',
    says: /"a-b" cannot stand here as a name/,
    hint: /letters, digits and _/,
  },
  {
    what: 'a list as the value of a variable',
    value: service({ variables: [{ name: 'A', value: [] }] }),
    at: '/spec/variables/0/value',
    says: /must be text, a number or true or false, not a list/,
    hint: /./,
  },
];

describe('what is wrong with a resource', () => {
  for (const { what, value, at, says, hint } of PROBLEMS) {
    test(what, () => {
      const parsed = parseResource(value);
      assert.ok('findings' in parsed, 'it was accepted');
      const [finding, ...rest] = parsed.findings;
      assert.ok(finding);
      assert.deepEqual(rest, [], 'one mistake, one problem');
      assert.equal(finding.pointer, at);
      assert.match(finding.message, says);
      assert.match(finding.hint, hint);
    });
  }

  test('every mistake is reported, not only the first', () => {
    const parsed = parseResource({
      ...HEAD,
      kind: 'Environment',
      metadata: { name: 5, labls: {} },
      spec: { type: 'PRD', x: 1 },
    });
    assert.ok('findings' in parsed);
    assert.deepEqual(parsed.findings.map(({ pointer }) => pointer).toSorted(), [
      '/metadata/labls',
      '/metadata/name',
      '/spec/type',
      '/spec/x',
    ]);
  });

  test('no words of the validation library reach an author, whatever is written', () => {
    const pieces = fc.constantFrom<Json>(
      null,
      1,
      -1,
      1.5,
      '',
      'x',
      true,
      [],
      {},
      [1],
      { a: 1 },
      '${a}',
      'ecs-canary-deploy',
    );
    const keys = fc.constantFrom(
      'name',
      'type',
      'with',
      'metadata',
      'spec',
      'phases',
      'sections',
      'parallel',
      'variables',
      'x',
    );
    const value = fc.letrec<{ any: Json }>((tie) => ({
      any: fc.oneof(
        { maxDepth: 5, depthSize: 'medium' },
        pieces,
        fc.array(tie('any'), { maxLength: 3 }),
        fc.array(fc.tuple(keys, tie('any')), { maxLength: 4 }).map((entries): Json => Object.fromEntries(entries)),
      ),
    })).any;
    const kinds = fc.constantFrom('Service', 'Environment', 'Infrastructure', 'Workflow');
    fc.assert(
      fc.property(kinds, value, value, (kind, metadata, spec) => {
        const parsed = parseResource({ apiVersion: 'outrider/v1', kind, metadata, spec });
        if (!('findings' in parsed)) return;
        assert.ok(parsed.findings.length > 0);
        for (const { message, hint } of parsed.findings) {
          assert.doesNotMatch(
            `${message} ${hint}`,
            /Invalid input|expected string|received|Unrecognized|discriminator/,
          );
          assert.notEqual(hint, '');
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
