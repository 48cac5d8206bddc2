import assert from 'node:assert/strict';
import { test } from 'node:test';
import { STEP_SPECS, STEP_TYPES } from '@outrider/shared/steps/index.ts';
import { repeatableStories } from '../../support/step-contract.ts';
import { STORIES } from '../../support/step-stories.ts';

const VERSIONED: readonly string[] = ['ecs-service-setup', 'ecs-upgrade-containers', 'ecs-rollback-containers'];

test('every step type that asks anything of AWS has a story', () => {
  const told = new Set(Object.values(STORIES).map((story) => story.type));
  assert.deepEqual(
    STEP_TYPES.filter((type) => STEP_SPECS[type].callsAws !== false && !told.has(type)),
    [],
  );
});

repeatableStories(Object.keys(STORIES).filter((name) => VERSIONED.includes(STORIES[name]?.type ?? '')));
