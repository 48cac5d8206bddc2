import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { VariableValues } from '@outrider/shared/model/common.ts';
import { resolveWorkflowVariables } from '@outrider/shared/model/variables.ts';
import { type WorkflowVariable, workflowVariable } from '@outrider/shared/model/workflow.ts';

const DECLARED: readonly WorkflowVariable[] = [
  { name: 'DesiredInstances', default: '50%' },
  { name: 'Count', type: 'number' },
  { name: 'Owner', type: 'email' },
  { name: 'Fast', type: 'boolean', default: false },
  { name: 'Stage', allowedValues: ['dev', 'prod'], default: 'dev' },
  { name: 'Fixed', default: 'same', fixed: true },
  { name: 'Late', default: '${app.name}', type: 'number' },
].map((variable) => workflowVariable.parse(variable));

describe('the variables of a run', () => {
  const resolved: readonly (readonly [VariableValues, VariableValues])[] = [
    [{}, { DesiredInstances: '50%', Fast: false, Stage: 'dev', Fixed: 'same', Late: '${app.name}' }],
    [
      {
        DesiredInstances: 2,
        Count: '5',
        Fast: 'true',
        Stage: 'prod',
        Owner: 'ops@example.com',
        Fixed: 'same',
        Late: '7',
      },
      { DesiredInstances: '2', Count: 5, Fast: true, Stage: 'prod', Owner: 'ops@example.com', Fixed: 'same', Late: 7 },
    ],
  ];
  for (const [given, values] of resolved) {
    test(`${JSON.stringify(given)} resolves`, () => {
      assert.deepEqual(resolveWorkflowVariables(DECLARED, given), { values });
    });
  }

  const refused: readonly (readonly [VariableValues, RegExp, RegExp])[] = [
    [{ Desired: 1 }, /has no variable "Desired"/, /did you mean "DesiredInstances"/],
    [{ Zzz: 1 }, /has no variable "Zzz"/, /there are "DesiredInstances"/],
    [{ Count: 'many' }, /"many" is no number/, /5 or 0\.5/],
    [{ Owner: 'ops' }, /"ops" is no email/, /ops@example\.com/],
    [{ Fast: 'yes' }, /"yes" is no boolean/, /true or false/],
    [{ Stage: 'test' }, /none of the allowed values of "Stage"/, /"dev" and "prod"/],
    [{ Fixed: 'other' }, /"Fixed" is fixed/, /leave it out/],
    [{ DesiredInstances: '${env.name}' }, /holds an expression/, /plain value/],
  ];
  for (const [given, says, hint] of refused) {
    test(`${JSON.stringify(given)} is refused`, () => {
      const result = resolveWorkflowVariables(DECLARED, given);
      assert.ok('problems' in result);
      assert.equal(result.problems.length, 1);
      assert.match(result.problems[0]?.message ?? '', says);
      assert.match(result.problems[0]?.hint ?? '', hint);
    });
  }

  test('a required variable without value and default is named, with every other problem', () => {
    const declared = [...DECLARED, workflowVariable.parse({ name: 'Ticket', required: true })];
    const result = resolveWorkflowVariables(declared, { Count: 'x' });
    assert.ok('problems' in result);
    assert.deepEqual(
      result.problems.map(({ variable }) => variable),
      ['Count', 'Ticket'],
    );
  });
});
