import type { Environment } from '@outrider/shared/model/environment.ts';
import type { Infrastructure } from '@outrider/shared/model/infrastructure.ts';
import type { Service } from '@outrider/shared/model/service.ts';
import type { Phase, Workflow } from '@outrider/shared/model/workflow.ts';
import { didYouMean, listed } from '@outrider/shared/nearest.ts';
import type { PlanProblem } from './problems.ts';

/** The resources of the workflow's application, by name. */
export interface ApplicationResources {
  readonly environments: ReadonlyMap<string, Environment>;
  readonly services: ReadonlyMap<string, Service>;
  readonly infrastructures: ReadonlyMap<string, Infrastructure>;
}

export interface FoundResources {
  readonly environment: Environment | undefined;
  /** Phases whose service and infrastructure are there. */
  readonly phases: readonly FoundPhase[];
  readonly problems: readonly PlanProblem[];
}
export interface FoundPhase {
  readonly phase: Phase;
  readonly index: number;
  readonly service: Service;
  readonly infrastructure: Infrastructure;
}

/** What a workflow refers to; every reference that leads nowhere is a problem. */
export function findResources(workflow: Workflow, resources: ApplicationResources): FoundResources {
  const problems: PlanProblem[] = [];
  const { environment: environmentName } = workflow.spec;
  const find = <Found>(kind: string, name: string, among: ReadonlyMap<string, Found>, pointer: string) => {
    const found = among.get(name);
    if (found === undefined) problems.push(missing(kind, name, workflow.metadata.application, among.keys(), pointer));
    return found;
  };
  const environment = find('environment', environmentName, resources.environments, '/spec/environment');
  const phases: FoundPhase[] = [];
  for (const [index, phase] of workflow.spec.phases.entries()) {
    const pointer = `/spec/phases/${index}`;
    const service = find('service', phase.service, resources.services, `${pointer}/service`);
    const infrastructure = find(
      'infrastructure',
      phase.infrastructure,
      resources.infrastructures,
      `${pointer}/infrastructure`,
    );
    if (infrastructure !== undefined && infrastructure.spec.environment !== environmentName) {
      problems.push({
        code: 'document-invalid',
        message: `the phase "${phase.name}" deploys to "${phase.infrastructure}", which belongs to the environment "${infrastructure.spec.environment}", not to "${environmentName}"`,
        hint: "choose an infrastructure of the workflow's environment",
        pointer: `${pointer}/infrastructure`,
      });
    }
    if (service !== undefined && infrastructure !== undefined) phases.push({ phase, index, service, infrastructure });
  }
  return { environment, phases, problems };
}

function missing(
  kind: string,
  name: string,
  application: string,
  names: Iterable<string>,
  pointer: string,
): PlanProblem {
  const there = [...names];
  const among = there.length === 0 ? `it has no ${kind}s yet: apply it first` : `it has ${listed(there, 'and')}`;
  return {
    code: 'reference-missing',
    message: `the application "${application}" has no ${kind} "${name}"`,
    hint: didYouMean(name, there) ?? among,
    pointer,
  };
}
