import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '@outrider/shared/json.ts';
import { serviceDefinition, taskDefinition } from '@outrider/shared/model/aws-definitions.ts';
import { FLAG_MEMBERS, NUMBER_MEMBERS, TEXT_LISTS, TEXT_MAPS, withAwsTypes } from '@outrider/shared/model/aws-types.ts';
import { ecsModel } from '../../support/ecs-model.ts';

describe('the AWS documents of a service', () => {
  const { shapes } = ecsModel();
  const names = (shape: string) => Object.keys(shapes[shape]?.members ?? {}).toSorted();

  /** `structure.member` of every member of these types that a request can hold. */
  function membersOf(root: string, types: readonly string[]): ReadonlySet<string> {
    const found = new Set<string>();
    const seen = new Set<string>();
    const visit = (name: string): void => {
      const shape = shapes[name];
      if (shape === undefined || seen.has(name)) return;
      seen.add(name);
      for (const [member, target] of Object.entries(shape.members ?? {})) {
        if (types.includes(shapes[target]?.type ?? target.toLowerCase())) found.add(member);
        visit(target);
      }
      for (const target of [shape.member, shape.value]) if (target !== undefined) visit(target);
    };
    visit(root);
    return found;
  }

  test('every member of RegisterTaskDefinition, of a container and of CreateService is known, and no other', () => {
    const containers = taskDefinition.in.shape.containerDefinitions.element;
    assert.deepEqual(Object.keys(taskDefinition.in.shape).toSorted(), names('RegisterTaskDefinitionRequest'));
    assert.deepEqual(Object.keys(containers.shape).toSorted(), names('ContainerDefinition'));
    const service = names('CreateServiceRequest').filter((name) => name !== 'clientToken');
    assert.deepEqual(Object.keys(serviceDefinition.in.shape).toSorted(), service);
  });

  test("numbers and flags are those of AWS's model", () => {
    const roots = ['RegisterTaskDefinitionRequest', 'CreateServiceRequest'];
    const numbers = new Set(roots.flatMap((root) => [...membersOf(root, ['integer', 'long', 'double', 'float'])]));
    numbers.delete('value');
    const flags = new Set(roots.flatMap((root) => [...membersOf(root, ['boolean'])]));
    assert.deepEqual([...NUMBER_MEMBERS].toSorted(), [...numbers].toSorted());
    assert.deepEqual([...FLAG_MEMBERS].toSorted(), [...flags].toSorted());
    const maps = new Set(roots.flatMap((root) => [...membersOf(root, ['map'])]));
    assert.deepEqual([...TEXT_MAPS].toSorted(), [...maps].toSorted());
    const lists = new Set(roots.flatMap((root) => [...membersOf(root, ['list'])]));
    for (const name of TEXT_LISTS) assert.ok(lists.has(name), `${name} is a list`);
  });

  const cases: readonly { what: string; given: JsonObject; expected: JsonObject }[] = [
    { what: "the task's own size is text", given: { cpu: 256, memory: 512 }, expected: { cpu: '256', memory: '512' } },
    {
      what: "a container's size is a number",
      given: { containerDefinitions: [{ cpu: '10', memory: ' 256 ', essential: 'false' }] },
      expected: { containerDefinitions: [{ cpu: 10, memory: 256, essential: false }] },
    },
    {
      what: 'values of names are text',
      given: { tags: [{ key: 'a', value: 1 }], containerDefinitions: [{ environment: [{ name: 'A', value: true }] }] },
      expected: {
        tags: [{ key: 'a', value: '1' }],
        containerDefinitions: [{ environment: [{ name: 'A', value: 'true' }] }],
      },
    },
    {
      what: 'maps and commands are text',
      given: { containerDefinitions: [{ dockerLabels: { enabled: true, port: 80 }, command: ['sleep', 60] }] },
      expected: { containerDefinitions: [{ dockerLabels: { enabled: 'true', port: '80' }, command: ['sleep', '60'] }] },
    },
    {
      what: 'what is no number stays as it is, for AWS to refuse',
      given: { desiredCount: 'two', containerDefinitions: [{ memory: '1e3' }] },
      expected: { desiredCount: 'two', containerDefinitions: [{ memory: '1e3' }] },
    },
    { what: 'a fraction stays one', given: { x: { canaryPercent: '12.5' } }, expected: { x: { canaryPercent: 12.5 } } },
    {
      what: 'expressions stay',
      given: { containerDefinitions: [{ memory: '${serviceVariable.M}' }] },
      expected: { containerDefinitions: [{ memory: '${serviceVariable.M}' }] },
    },
  ];
  for (const { what, given, expected } of cases) {
    test(what, () => {
      assert.deepEqual(withAwsTypes(given), expected);
      assert.deepEqual(withAwsTypes(withAwsTypes(given)), expected);
    });
  }
});
