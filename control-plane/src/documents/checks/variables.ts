import { didYouMean, listed } from '@outrider/shared/nearest.ts';
import type { Checkable, Found, Report } from './report.ts';

/** A value that stands in for a variable which the service does not have. */
export function unknownVariable(pointer: string, service: string, variable: string, known: readonly string[]): Found {
  const has = known.length === 0 ? 'it has none: add it to the service first' : `it has ${listed(known, 'and')}`;
  return {
    pointer,
    part: 'key',
    message: `the service "${service}" has no variable "${variable}"`,
    hint: didYouMean(variable, known) ?? has,
  };
}

export function checkDuplicateVariables(
  document: Checkable,
  variables: readonly { readonly name: string }[],
  report: Report,
): void {
  variables.forEach(({ name }, index) => {
    if (variables.findIndex((other) => other.name === name) === index) return;
    const pointer = `/spec/variables/${index}/name`;
    report.add(document, { pointer, message: `the variable "${name}" stands here twice`, hint: 'keep one of them' });
  });
}

export function nearestOr(name: string, names: readonly string[], what: string): string {
  return (
    didYouMean(name, names) ??
    (names.length === 0 ? `it has no ${what}s yet: apply it first` : `it has ${listed(names, 'and')}`)
  );
}
