import type { Service } from '@outrider/shared/model/service.ts';
import { checkServiceExpressions } from './expressions.ts';
import type { Checkable, Report } from './report.ts';
import { checkDuplicateVariables } from './variables.ts';

/** Rules that tie the fields of a service together. */
export function checkService(document: Checkable, service: Service, report: Report): void {
  checkDuplicateVariables(document, service.spec.variables, report);
  checkScheduling(document, service, report);
  checkServiceExpressions(document, service, report);
}

/** AWS refuses these of a daemon service; saying so now is better than in the middle of a deployment. */
const NOT_FOR_DAEMONS: Readonly<Record<string, string>> = {
  desiredCount: 'the daemon scheduling strategy does not support a desired count',
  placementStrategy: 'the daemon scheduling strategy does not support placement strategies',
  capacityProviderStrategy: 'the daemon scheduling strategy does not support capacity providers',
  volumeConfigurations: 'the daemon scheduling strategy does not support volume configurations',
};

function checkScheduling(document: Checkable, service: Service, report: Report): void {
  const { strategy, serviceDefinition } = service.spec;
  const scheduling = serviceDefinition['schedulingStrategy'];
  if (scheduling !== undefined && scheduling !== strategy) {
    const pointer = '/spec/serviceDefinition/schedulingStrategy';
    const message = `schedulingStrategy is ${JSON.stringify(scheduling)}, but the strategy of the service is ${strategy}`;
    report.add(document, { pointer, message, hint: 'leave schedulingStrategy out: strategy decides' });
  }
  if (strategy !== 'DAEMON') return;
  for (const [member, reason] of Object.entries(NOT_FOR_DAEMONS)) {
    const value = serviceDefinition[member];
    if (value === undefined || (Array.isArray(value) && value.length === 0)) continue;
    const pointer = `/spec/serviceDefinition/${member}`;
    report.add(document, {
      pointer,
      part: 'key',
      message: `${member} is not for DAEMON services: ${reason}`,
      hint: 'leave it out',
    });
  }
}
