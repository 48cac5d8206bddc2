import { repeatableStories } from '../../support/step-contract.ts';
import { STORIES } from '../../support/step-stories.ts';

const VERSIONED: readonly string[] = ['ecs-service-setup', 'ecs-upgrade-containers', 'ecs-rollback-containers'];

repeatableStories(Object.keys(STORIES).filter((name) => !VERSIONED.includes(STORIES[name]?.type ?? '')));
