import type { ExecutionKind, StepKind } from './state.ts';
import {
  EXECUTION_INPUTS,
  EXECUTION_TRANSITIONS,
  STEP_INPUTS,
  STEP_TRANSITIONS,
  TAKEN,
  type Transition,
  type Verdict,
} from './transitions.ts';

/** docs/execution-states.md, printed from the tables of the machine; a test holds the file against it. */
export function executionStatesDocument(): string {
  return `${[
    '# States of executions and steps',
    'Printed from the tables in `control-plane/src/domain/execution/transitions.ts`; a test holds this page against them.',
    '## Executions',
    mermaid<ExecutionKind>(EXECUTION_TRANSITIONS, 'created', ['ended']),
    'What an execution does with what is put to it: ✔ where it takes it, else the reason with which it refuses.',
    inputTable(EXECUTION_INPUTS),
    '## Steps',
    mermaid<StepKind>(STEP_TRANSITIONS, 'pending', ['succeeded', 'failed', 'aborted', 'skipped']),
    'What a step does with words from or about its delegate, and with what people say about its failure. A word about a former attempt is refused in every state.',
    inputTable(STEP_INPUTS),
  ].join('\n\n')}\n`;
}

function mermaid<Kind extends string>(
  transitions: readonly Transition<Kind>[],
  first: Kind,
  last: readonly Kind[],
): string {
  const lines = ['```mermaid', 'stateDiagram-v2', `  [*] --> ${stateName(first)}`];
  for (const { event, from, to, when } of transitions) {
    const label = when === undefined ? event : `${event} (${when})`;
    for (const kind of from) lines.push(`  ${stateName(kind)} --> ${stateName(to)} : ${label}`);
  }
  lines.push(...last.map((kind) => `  ${stateName(kind)} --> [*]`), '```');
  return lines.join('\n');
}

/** Mermaid takes no dashes in the names of states. */
function stateName(kind: string): string {
  return kind.replaceAll('-', '_');
}

function inputTable(table: Readonly<Record<string, Readonly<Record<string, Verdict>>>>): string {
  const states = Object.keys(table);
  const inputs = Object.keys(Object.values(table)[0] ?? {});
  const rows = inputs.map((input) => {
    const cells = states.map((state) => {
      const verdict = table[state]?.[input] ?? '';
      return verdict === TAKEN ? '✔' : verdict;
    });
    return `| ${input} | ${cells.join(' | ')} |`;
  });
  return [`| | ${states.join(' | ')} |`, `|---|${states.map(() => '---').join('|')}|`, ...rows].join('\n');
}
