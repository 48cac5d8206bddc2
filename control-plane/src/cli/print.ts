import type { CliContext } from './context.ts';

/** The answer as one JSON document, indented where a person reads it. */
export function printJson({ io }: CliContext, document: unknown): void {
  io.stdout.write(`${JSON.stringify(document, null, io.stdout.isTerminal ? 2 : undefined)}\n`);
}

/** Talk: for the person at the terminal, never part of the answer. */
export function say({ io }: CliContext, text: string): void {
  io.stderr.write(`${text}\n`);
}
