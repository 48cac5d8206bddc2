import type { Violation } from './audit.ts';
import type { Misdeed } from './nemesis.ts';
import type { ChaosRun } from './run.ts';

/** What happened, in figures, and what must not have. */
export function summary(run: ChaosRun, violations: readonly Violation[]): string {
  const figures = [...workFigures(run, violations), ...harmFigures(run)];
  const verdict =
    violations.length === 0
      ? 'No promise was broken'
      : `${violations.length} violations:\n${violations.map(({ rule, what }) => `  ${rule}\n    ${what}`).join('\n')}`;
  return `${figures.join('\n')}\n${verdict}`;
}

function workFigures({ observations }: ChaosRun, violations: readonly Violation[]): readonly string[] {
  const { executions, deployments, produced, world, store, watched, watchedByCommand, followed } = observations;
  const lost = deployments.filter(({ request }) => executions.every((one) => one.id !== request.executionId)).length;
  const doubled = violations.filter(({ rule }) => rule === 'no request is done twice').length;
  const repeated = deployments.filter(({ request }) => request.sent > 1).length;
  const events = executions.flatMap((execution) => execution.events);
  const moved = events.filter((event) => event.type === 'step-requeued').length;
  const lines = sum(executions.flatMap((execution) => execution.steps).map((step) => step.lines.length));
  const connections = sum([...watched, ...followed].map((one) => one.connections));
  return [
    `executions: ${executions.length} (${tally(executions.map(endingOf))})`,
    `  meant: ${tally(deployments.map(({ intent }) => intent))}; requests that had to be repeated: ${repeated}`,
    `  lost: ${lost}, doubled: ${doubled}`,
    `steps: ${store.tasks.length} tasks, ${produced.length} runs of them, ${moved} moves to another delegate`,
    `AWS: ${world.mutations.length} changes, ${world.revisions.length} task definitions`,
    `told: ${events.length} events to ${watched.length} watchers and ${watchedByCommand.length} command lines, ` +
      `${lines} log lines to ${followed.length} followers, over ${connections} connections`,
  ];
}

function harmFigures({ observations, proxies }: ChaosRun): readonly string[] {
  const { misdeeds, processes } = observations;
  const to = (which: (misdeed: Misdeed) => boolean, name: (misdeed: Misdeed) => string) =>
    tally(misdeeds.filter(which).map(name));
  const isNetwork = ({ victim }: Misdeed) => victim.startsWith('network');
  const isAws = ({ victim }: Misdeed) => victim.startsWith('AWS');
  const all = (pick: (counts: ChaosRun['proxies'][number]) => number) => sum(proxies.map(pick));
  return [
    `harm to processes: ${to((one) => !isNetwork(one) && !isAws(one), processHarm)}`,
    `harm to networks: ${to(isNetwork, ({ what }) => what)}`,
    `  ${all((one) => one.connections)} connections, ${all((one) => one.resets)} reset, ${all((one) => one.held)} held`,
    `harm to AWS: ${to(isAws, ({ what }) => what)}`,
    ...processes.map(({ name, lives, peakMiB }) => `${name}: ${lives} lives, at most ${peakMiB} MiB`),
  ];
}

function processHarm({ what, victim }: Misdeed): string {
  if (victim.startsWith('delegate-')) return `${what} (delegate)`;
  return victim === 'control-plane' ? `${what} (control plane)` : what;
}

function endingOf({ status, rollback, failureCode }: ChaosRun['observations']['executions'][number]): string {
  if (status === 'succeeded') return status;
  const code = failureCode === 'aborted' ? (status === 'failed' ? ' as asked' : '') : ` by ${failureCode}`;
  return `${status}${code}${rollback === 'failed' ? ', rollback failed' : ''}`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function tally(names: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ');
}
