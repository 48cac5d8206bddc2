/** A small defect that a careless change could bring in, and the tests that must notice it. */
export interface Mutant {
  /** What would go wrong for the operator. */
  readonly what: string;
  readonly file: string;
  /** Stands exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  readonly tests: readonly string[];
}

const DOMAIN = ['test/control-plane/domain/**/*.test.ts', 'test/properties/**/*.test.ts'];
const UNIT = ['test/delegate/steps/arithmetic.test.ts', 'test/delegate/steps/service-request.test.ts'];
const SETUP = ['test/delegate/steps/ecs-service-setup.test.ts', ...UNIT];
const STEADY = ['test/delegate/steps/steady-state.test.ts'];
const UPGRADE = ['test/delegate/steps/ecs-upgrade-containers.test.ts'];
const ROLLBACK = ['test/delegate/steps/ecs-rollback-containers.test.ts', ...UNIT];
const REPEAT = ['test/delegate/steps/repeatable-replica.test.ts'];

const steps = 'delegate/src/steps';
const execution = 'control-plane/src/domain/execution';

export const MUTANTS: readonly Mutant[] = [
  {
    what: 'a share of 10 % of 2 deploys nothing',
    file: `${steps}/arithmetic.ts`,
    find: 'if (rounded === 0 && amount.percent > 0 && total > 0) {',
    replace: 'if (rounded < 0) {',
    tests: UNIT,
  },
  {
    what: 'half an instance is rounded down',
    file: `${steps}/arithmetic.ts`,
    find: 'Number(value.toFixed(6)) + 0.5',
    replace: 'Number(value.toFixed(6)) + 0.4',
    tests: UNIT,
  },
  {
    what: "a count may go beyond the setup's total",
    file: `${steps}/arithmetic.ts`,
    find: 'if (amount.count <= total) return',
    replace: 'if (amount.count >= 0) return',
    tests: UNIT,
  },
  {
    what: 'the last phase leaves old instances running',
    file: `${steps}/arithmetic.ts`,
    find: 'if (reachesTotal(desired, total)) return oldTotal;',
    replace: '',
    tests: UNIT,
  },
  {
    what: 'removed instances are taken from the first version only',
    file: `${steps}/arithmetic.ts`,
    find: '    left -= taken;\n',
    replace: '    left = 0;\n',
    tests: UNIT,
  },
  {
    what: 'a service that merely starts alike is taken for a version of ours',
    file: `${steps}/family.ts`,
    find: "service.status === 'ACTIVE' && belongsTo(service, family)",
    replace: "service.status === 'ACTIVE'",
    tests: SETUP,
  },
  {
    what: 'version 9 counts as newer than version 10',
    file: `${steps}/family.ts`,
    find: '.toSorted((a, b) => a.revision - b.revision)',
    replace: '.toSorted((a, b) => a.service.name.localeCompare(b.service.name))',
    tests: SETUP,
  },
  {
    what: 'a fixed count of 0 deploys nothing',
    file: `${steps}/family.ts`,
    find: 'return fixed || max;',
    replace: 'return fixed;',
    tests: UNIT,
  },
  {
    what: 'the newest old version is kept even when it is not healthy',
    file: `${steps}/keep-one-version.ts`,
    find: 'healthy.at(-1) ?? active.at(-1)',
    replace: 'active.at(-1)',
    tests: SETUP,
  },
  {
    what: 'cleaning deletes the version that was just created, or the one that rollback needs',
    file: `${steps}/ecs-service-setup.ts`,
    find: ' || needed.has(service.name)) continue;',
    replace: ') continue;',
    tests: SETUP,
  },
  {
    what: 'a service with pending tasks counts as steady',
    file: `${steps}/steady-state.ts`,
    find: 'if (service.pending > 0 || service.running !== desired)',
    replace: 'if (service.running !== desired)',
    tests: STEADY,
  },
  {
    what: 'waiting goes on although every task stops for the same reason',
    file: 'shared/src/steps/give-up.ts',
    find: 'export const DEFAULT_SAME_STOPS = 3;',
    replace: 'export const DEFAULT_SAME_STOPS = 3_000;',
    tests: STEADY,
  },
  {
    what: 'a deployment that ECS rolled back counts as steady',
    file: `${steps}/steady-state.ts`,
    find: "if (primary.rolloutState === 'FAILED') {",
    replace: "if (primary.rolloutState === 'COMPLETED' && primary.failedTasks > 1_000) {",
    tests: STEADY,
  },
  {
    what: 'UpdateService is called although the count is right already',
    file: `${steps}/resize.ts`,
    find: 'if (before.desired === desired) {',
    replace: 'if (before.desired === desired && desired < 0) {',
    tests: UPGRADE,
  },
  {
    what: 'the old version shrinks before the new one is steady',
    file: `${steps}/ecs-upgrade-containers.ts`,
    find: "if (setup.resizeStrategy === 'resize-new-first') return [grow, ...shrink];",
    replace: "if (setup.resizeStrategy === 'resize-new-first') return [...shrink, grow];",
    tests: UPGRADE,
  },
  {
    what: 'a repeated resize decides anew instead of following what it decided before its first change',
    file: `${steps}/ecs-upgrade-containers.ts`,
    find: 'if (resumed.goal !== undefined) {',
    replace: 'if (resumed.goal !== undefined && resumed.goal.oldServices.length > 99) {',
    tests: REPEAT,
  },
  {
    what: 'rollback takes away instances that auto scaling has added',
    file: `${steps}/restored-count.ts`,
    find: 'Math.max(desired, input.live(name))',
    replace: 'desired',
    tests: ROLLBACK,
  },
  {
    what: 'rollback shrinks the new version before the old one is back',
    file: `${steps}/ecs-rollback-containers.ts`,
    find: "setup.resizeStrategy === 'resize-new-first' ? [...grow, shrink] : [shrink, ...grow]",
    replace: '[shrink, ...grow]',
    tests: ROLLBACK,
  },
  {
    what: 'phases are rolled back in the order of the deployment',
    file: `${execution}/rollback.ts`,
    find: 'started.toReversed()',
    replace: 'started',
    tests: DOMAIN,
  },
  {
    what: 'without a failure strategy nothing is rolled back',
    file: `${execution}/strategies.ts`,
    find: "chosen === undefined ? 'rollback-workflow'",
    replace: "chosen === undefined ? 'end'",
    tests: DOMAIN,
  },
  {
    what: 'one retry more than the strategy allows',
    file: `${execution}/strategies.ts`,
    find: 'attempt <= strategy.retries',
    replace: 'attempt <= strategy.retries + 1',
    tests: DOMAIN,
  },
  {
    what: 'the rollback goes on after a rollback phase has failed',
    file: `${execution}/next.ts`,
    find: "if (failed) return [finishedEvent(state, 'failed')];",
    replace: '',
    tests: DOMAIN,
  },
  {
    what: 'the rollback starts while a cancelled step still works',
    file: `${execution}/next.ts`,
    find: 'if (Object.values(state.steps).some(isLiving)) return [];',
    replace: '',
    tests: DOMAIN,
  },
  {
    what: 'the result of an attempt that is over counts for the next one',
    file: `${execution}/decide.ts`,
    find: 'if (step.attempt !== input.attempt) {',
    replace: 'if (step.attempt < input.attempt) {',
    tests: DOMAIN,
  },
  {
    what: 'a delegate that has one of the tags gets the step',
    file: 'control-plane/src/domain/fleet/match.ts',
    find: 'if (missing.length > 0) {',
    replace: 'if (missing.length === need.selectors.length && missing.length > 0) {',
    tests: DOMAIN,
  },
];
