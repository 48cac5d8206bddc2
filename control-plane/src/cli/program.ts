import { ERRORS, OutriderError } from '@outrider/shared/errors.ts';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { type CommandRunner, commandAdder } from './command.ts';
import { addBackup } from './commands/backup.ts';
import { addExecutions } from './commands/executions.ts';
import { addFleet } from './commands/fleet.ts';
import { addKeys } from './commands/keys.ts';
import { addLogs } from './commands/logs.ts';
import { addHelp, addMeta } from './commands/meta.ts';
import { addProcesses, type Starters } from './commands/processes.ts';
import { addResources } from './commands/resources.ts';
import { addRun } from './commands/run.ts';
import { addTriggers } from './commands/triggers.ts';
import { addWebhooks } from './commands/webhooks.ts';
import { createContext } from './context.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import type { CliIo } from './io.ts';
import { errorJson, errorText } from './render/error.ts';

/** Help is as wide as this, whatever the screen, so that it reads the same everywhere. */
const HELP_WIDTH = 100;

/** Runs one `outrider` command and answers its exit code. Never throws. */
export async function runCli(
  argv: readonly string[],
  io: CliIo,
  starters: Starters,
  version: string,
): Promise<ExitCode> {
  let code: ExitCode = EXIT.done;
  const program = createProgram(io, starters, version, (finished) => {
    code = finished;
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return code;
  } catch (thrown) {
    return failureOf(thrown, argv, io);
  }
}

function createProgram(io: CliIo, starters: Starters, version: string, finished: (code: ExitCode) => void): Command {
  const program = new Command('outrider')
    .description('Deploys to Amazon ECS from inside your own network.')
    .version(version, '-V, --version', 'print the version')
    .helpCommand(false)
    .addHelpText('after', `\nTopics: outrider help exit-codes · outrider help environment\nStart here: outrider dev\n`);
  const runner: CommandRunner = { context: (options) => createContext(io, options), finished };
  const add = commandAdder(program, runner);
  addProcesses(add, starters);
  addResources(add);
  addRun(add);
  addExecutions(add);
  addLogs(add);
  addFleet(program, runner);
  addKeys(program, runner);
  addTriggers(program, runner);
  addWebhooks(program, runner);
  addBackup(add, starters.storeFiles);
  addMeta(add, version);
  addHelp(program, (text) => io.stdout.write(text));
  for (const command of withChildren(program)) {
    command.exitOverride().configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      outputError: (text, write) => write(`outrider: ${text.replace(/^error: /, '')}`),
      getOutHelpWidth: () => HELP_WIDTH,
      getErrHelpWidth: () => HELP_WIDTH,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
    command.showHelpAfterError(`See: ${pathOf(command)} --help`);
  }
  return program;
}

function* withChildren(command: Command): Generator<Command> {
  yield command;
  for (const child of command.commands) yield* withChildren(child);
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

/** Tells what went wrong, and answers the exit code that it has. */
function failureOf(thrown: unknown, argv: readonly string[], io: CliIo): ExitCode {
  if (thrown instanceof InvalidArgumentError) {
    io.stderr.write(`outrider: ${thrown.message}\n`);
    return EXIT.usage;
  }
  // commander has said it already; code 0 is --help and --version.
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.done : EXIT.usage;
  const error = OutriderError.from(thrown);
  if (argv.includes('--json')) io.stderr.write(`${JSON.stringify(errorJson(error))}\n`);
  else io.stderr.write(errorText(error));
  const debug = /^(debug|trace)$/.test(io.env['OUTRIDER_LOG_LEVEL'] ?? '');
  if (debug && thrown instanceof Error) io.stderr.write(`${thrown.stack ?? ''}\n`);
  const { exitCode } = ERRORS[error.code];
  return Object.values(EXIT).find((known) => known === exitCode) ?? EXIT.failed;
}
