import type { HistoryRecord } from '../plant/record.ts';
import type { FaultKind } from '../ports.ts';
import type { Finding, Invariant } from './violation.ts';

export const NO_SECRETS: Invariant = {
  id: 'H8',
  says: 'The bytes of a secret are nowhere but where it belongs: not in the store, a message, a log, an event, a journal or a spool.',
  check: ({ leaks }) =>
    leaks.map(({ where, detail, atMs }) => ({ detail: `a secret is in ${where}: ${detail}`, about: [where], atMs })),
};

export const NO_DEFECTS: Invariant = {
  id: 'H13',
  says:
    'No process throws what nobody catches or ends by itself, no step fails as “internal”, and no line of level error is logged but those that ' +
    'a fault of the history explains.',
  check: (record) => [...uncaught(record), ...internalFailures(record), ...unexplainedErrors(record)],
};

function uncaught({ failures }: HistoryRecord): Finding[] {
  return failures.map(({ host, what, atMs }) => ({ detail: `${host}: ${what}`, about: [host], atMs }));
}

function internalFailures({ store }: HistoryRecord): Finding[] {
  return store.executions.flatMap(({ id, events }) =>
    events.flatMap(({ event, seq }) => {
      if (!('failure' in event) || event.failure?.code !== 'internal') return [];
      return [{ detail: `${id}, event ${seq}: ${event.type} as internal: ${event.failure.message}`, about: [id] }];
    }),
  );
}

/** Errors that are right to be logged, each with the faults that bring them about. */
const EXPLAINED: readonly { readonly message: RegExp; readonly by: readonly FaultKind[] }[] = [
  { message: /^A message failed$/, by: ['store-fault'] },
  { message: /^the control plane said Welcome again, or something else before it$/, by: ['messages'] },
  { message: /^Looking for due work failed; it is tried again$/, by: ['store-fault'] },
];

function unexplainedErrors({ errors, script }: HistoryRecord): Finding[] {
  const kinds = new Set(script.faults.map(({ kind }) => kind));
  return errors.flatMap(({ host, message, detail, atMs }) => {
    const explained = EXPLAINED.some((each) => each.message.test(message) && each.by.some((kind) => kinds.has(kind)));
    return explained ? [] : [{ detail: `${host} logged an error: ${message} (${detail})`, about: [host], atMs }];
  });
}
