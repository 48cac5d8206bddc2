import { pointerStep } from '@outrider/shared/expressions/render.ts';
import type { Environment } from '@outrider/shared/model/environment.ts';
import type { Infrastructure } from '@outrider/shared/model/infrastructure.ts';
import { keyOf, keyText } from '@outrider/shared/model/resource.ts';
import { normalizeName } from '@outrider/shared/names.ts';
import { Catalog, type StoredResources } from './catalog.ts';
import { checkEnvironmentExpressions } from './expressions.ts';
import { type Checkable, type ReferenceProblem, Report } from './report.ts';
import { checkService } from './service.ts';
import { checkDuplicateVariables, nearestOr, unknownVariable } from './variables.ts';
import { checkWorkflow } from './workflow.ts';

/**
 * What is wrong with resources that are valid each in itself: references, names that clash, rules that tie fields
 * together, expressions that name what is not there. Each is checked against those given with it and those stored.
 * Values that a run gives are not known yet: the planner checks them. Never throws.
 */
export function checkReferences(documents: readonly Checkable[], stored: StoredResources): readonly ReferenceProblem[] {
  const catalog = new Catalog(documents, stored);
  const report = new Report();
  for (const document of documents) {
    const { resource } = document;
    checkName(document, catalog, report);
    switch (resource.kind) {
      case 'Service':
        checkService(document, resource, report);
        break;
      case 'Environment':
        checkEnvironment(document, resource, catalog, report);
        break;
      case 'Infrastructure':
        checkInfrastructure(document, resource, catalog, report);
        break;
      case 'Workflow':
        checkWorkflow(document, resource, catalog, report);
        break;
    }
  }
  return report.problems;
}

/** One name, one resource; and no two services or environments that AWS could not tell apart. */
function checkName(document: Checkable, catalog: Catalog, report: Report): void {
  const key = keyOf(document.resource);
  const first = catalog.given(key);
  const pointer = '/metadata/name';
  if (first !== undefined && first !== document) {
    const place = first.placeOf?.(pointer);
    const where = place === undefined ? '' : `: the other one is at ${place.file}:${place.line}:${place.column}`;
    report.add(document, { pointer, message: `${keyText(key)} is described twice${where}`, hint: 'keep one of them' });
    return;
  }
  if (key.kind !== 'Service' && key.kind !== 'Environment') return;
  const spelt = normalizeName(key.name);
  const twin = catalog
    .names(key.kind, key.application)
    .find((name) => name !== key.name && normalizeName(name) === spelt);
  if (twin === undefined) return;
  const message = `the names "${key.name}" and "${twin}" are the same in AWS: both become ${spelt}`;
  report.add(document, { pointer, message, hint: `choose another name for one ${key.kind}` });
}

function checkInfrastructure(
  document: Checkable,
  infrastructure: Infrastructure,
  catalog: Catalog,
  report: Report,
): void {
  const { application } = infrastructure.metadata;
  const { environment } = infrastructure.spec;
  if (catalog.find({ kind: 'Environment', application, name: environment }) !== undefined) return;
  report.add(document, {
    pointer: '/spec/environment',
    message: `the application "${application}" has no environment "${environment}"`,
    hint: nearestOr(environment, catalog.names('Environment', application), 'environment'),
    code: 'reference-missing',
  });
}

function checkEnvironment(document: Checkable, environment: Environment, catalog: Catalog, report: Report): void {
  const { application } = environment.metadata;
  for (const [name, values] of Object.entries(environment.spec.serviceOverrides)) {
    const pointer = `/spec/serviceOverrides${pointerStep(name)}`;
    const service = catalog.service(application, name);
    if (service === undefined) {
      report.add(document, {
        pointer,
        part: 'key',
        message: `the application "${application}" has no service "${name}"`,
        hint: nearestOr(name, catalog.names('Service', application), 'service'),
        code: 'reference-missing',
      });
      continue;
    }
    const known = service.spec.variables.map((variable) => variable.name);
    for (const variable of Object.keys(values).filter((key) => !known.includes(key))) {
      report.add(document, unknownVariable(`${pointer}/${variable}`, name, variable, known));
    }
  }
  checkDuplicateVariables(document, environment.spec.variables, report);
  checkEnvironmentExpressions(document, environment, catalog, report);
}
