import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Scope } from '@outrider/shared/expressions/evaluate.ts';
import { evaluateCondition } from '@outrider/shared/expressions/render.ts';

const SCOPE: Scope = {
  values: { workflow: { variables: { Env: 'prod', Count: 3, Text: '3', Skip: 'false' } }, flags: { on: true } },
};

describe('the condition of a step', () => {
  const cases: readonly (readonly [string | boolean, boolean])[] = [
    [true, true],
    [false, false],
    ['true', true],
    ['${workflow.variables.Env == "prod"}', true],
    ['${workflow.variables.Env} == "prod"', true],
    ["${workflow.variables.Env} != 'prod'", false],
    ['workflow.variables.Env == "prod" && !flags.on', false],
    ['workflow.variables.Env == "dev" || flags.on', true],
    ['${workflow.variables.Skip}', false],
    ['!${workflow.variables.Skip}', true],
    ['workflow.variables.Count > 2 && workflow.variables.Text <= 3', true],
    ['workflow.variables.Count == "3"', true],
    ['(flags.on || flags.off) && workflow.variables.Count < 4', true],
    ['flags.on || flags.off.missing.all.along', true],
    ['workflow.variables.Env.contains("ro")', true],
    ['null == null', true],
  ];
  for (const [condition, expected] of cases) {
    test(`${String(condition)} is ${expected}`, () => {
      assert.deepEqual(evaluateCondition(condition, SCOPE), { value: expected });
    });
  }

  const refused: readonly (readonly [string, RegExp])[] = [
    ['${workflow.variables.Env}', /neither true nor false but "prod"/],
    ['workflow.variables.Evn == "x"', /"Evn" is not known in workflow\.variables/],
    ['flags.on &&', /not closed/],
    ['flags.on flags.on', /unexpected flags after the end/],
    ['a = b', /"=" is no part/],
  ];
  for (const [condition, says] of refused) {
    test(`${condition} is refused`, () => {
      const result = evaluateCondition(condition, SCOPE);
      assert.match('problems' in result ? (result.problems[0]?.message ?? '') : 'a value', says);
    });
  }
});
