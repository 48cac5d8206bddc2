import { type Argument, Command, type Option } from 'commander';
import type { CliContext, CommonOptions } from './context.ts';
import type { ExitCode } from './exit-codes.ts';

/** One command: what its help says and what it does. */
export interface CommandSpec<Arguments extends readonly unknown[], Options> {
  /** With its arguments, as commander takes them: `logs EXEC [STEP]` without the brackets' meaning. */
  readonly name: string;
  readonly summary: string;
  /** More than the summary says; shown by --help. */
  readonly description?: string;
  readonly examples: readonly string[];
  readonly arguments?: readonly Argument[];
  readonly options?: readonly Option[];
  readonly run: (context: CliContext, args: Arguments, options: Options & CommonOptions) => Promise<ExitCode>;
}

/** Makes the context of a command out of its options, and takes its exit code. */
export interface CommandRunner {
  context(options: CommonOptions): CliContext;
  finished(code: ExitCode): void;
}

export type AddCommand = <Arguments extends readonly unknown[], Options extends object>(
  spec: CommandSpec<Arguments, Options>,
) => void;

/** How commands are added below `parent`; each gets the common flags and its examples. */
export function commandAdder(parent: Command, runner: CommandRunner): AddCommand {
  return (spec) => {
    const command = new Command(spec.name)
      .summary(spec.summary)
      .description(spec.description === undefined ? spec.summary : `${spec.summary}\n\n${spec.description}`)
      .option('--json', 'one JSON document with the field names of the API')
      .option('--url <address>', 'the control plane (else OUTRIDER_URL)')
      .option('--no-color', 'no colour and no redraw')
      .addHelpText('after', `\nExamples:\n${spec.examples.map((example) => `  ${example}`).join('\n')}\n`);
    for (const argument of spec.arguments ?? []) command.addArgument(argument);
    for (const option of spec.options ?? []) command.addOption(option);
    command.action(async (...given: unknown[]) => {
      // commander gives the arguments, then the options, then the command itself.
      const options = command.opts<Parameters<typeof spec.run>[2]>();
      const args = given.slice(0, -2) as unknown as Parameters<typeof spec.run>[1];
      runner.finished(await spec.run(runner.context(options), args, options));
    });
    parent.addCommand(command);
  };
}

/** A command that only holds others: `delegates list`. */
export function commandGroup(parent: Command, runner: CommandRunner, name: string, summary: string): AddCommand {
  const group = new Command(name).summary(summary).description(summary);
  parent.addCommand(group);
  return commandAdder(group, runner);
}
