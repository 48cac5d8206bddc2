import type { Violation } from './audit.ts';
import type { ChaosRun } from './run.ts';

/** What happened, in figures, and what must not have. */
export function summary({ observations, proxies }: ChaosRun, violations: readonly Violation[]): string {
  const { executions, deployments, misdeeds, watched, processes, produced, world, store } = observations;
  const lost = deployments.filter(({ request }) => executions.every((one) => one.id !== request.executionId)).length;
  const doubled = violations.filter(({ rule }) => rule === 'no request is done twice').length;
  const repeated = deployments.filter(({ request }) => request.sent > 1).length;
  const events = executions.flatMap((execution) => execution.events);
  const moved = events.filter((event) => event.type === 'step-requeued').length;
  const resumed = produced.length - store.tasks.length;
  const lines = executions.flatMap((execution) => execution.steps).reduce((sum, step) => sum + step.lines.length, 0);
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const figures = [
    `executions: ${executions.length} (${tally(executions.map(endingOf))})`,
    `meant: ${tally(deployments.map(({ intent }) => intent))}; requests that had to be repeated: ${repeated}`,
    `lost: ${lost}, doubled: ${doubled}`,
    `steps: ${store.tasks.length} tasks, ${produced.length} runs of them (${Math.max(0, resumed)} repeated), ${moved} given to another delegate`,
    `AWS: ${world.mutations.length} changes, ${world.revisions.length} task definitions`,
    `logs: ${lines} lines; events: ${events.length}, seen by ${watched.length} watchers over ${sum(watched.map((one) => one.connections))} connections`,
    `harm to processes: ${tally(misdeeds.filter(({ victim }) => !/^(network|AWS)/.test(victim)).map(({ what, victim }) => `${what} of ${victim.replace(/-[abc]$/, '')}`))}`,
    `harm to networks: ${tally(misdeeds.filter(({ victim }) => victim.startsWith('network')).map(({ what }) => what))}; ${sum(proxies.map((one) => one.connections))} connections, ${sum(proxies.map((one) => one.resets))} reset, ${sum(proxies.map((one) => one.held))} held`,
    `harm to AWS: ${tally(misdeeds.filter(({ victim }) => victim === 'AWS').map(({ what }) => what))}`,
    `processes: ${processes.map(({ name, lives, peakMiB }) => `${name} ${lives} lives, at most ${peakMiB} MiB`).join('; ')}`,
  ];
  const verdict =
    violations.length === 0
      ? 'No promise was broken'
      : `${violations.length} violations:\n${violations.map(({ rule, what }) => `  ${rule}\n    ${what}`).join('\n')}`;
  return `${figures.join('\n')}\n${verdict}`;
}

function endingOf({ status, rollback, failureCode }: ChaosRun['observations']['executions'][number]): string {
  if (status === 'succeeded') return status;
  const code = failureCode === 'aborted' ? '' : ` by ${failureCode}`;
  return `${status}${code}${rollback === 'failed' ? ', rollback failed' : ''}`;
}

function tally(names: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ');
}
