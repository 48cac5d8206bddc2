import { VARIABLES } from '@outrider/shared/environment.ts';
import { jsonSchema } from '@outrider/shared/model/json-schema.ts';
import { Argument, type Command, InvalidArgumentError } from 'commander';
import { type KindChoice, parseKind } from '../arguments.ts';
import type { AddCommand } from '../command.ts';
import { EXIT, EXIT_MEANINGS } from '../exit-codes.ts';
import { printJson } from '../print.ts';
import { tableText } from '../render/text.ts';

/** What describes the command line and the format itself. */
export function addMeta(add: AddCommand, version: string): void {
  add<[KindChoice | undefined], object>({
    name: 'schema',
    summary: 'print the JSON Schema of resources',
    examples: ['outrider schema > outrider.schema.json', 'outrider schema workflow'],
    arguments: [new Argument('[kind]', 'of this kind only').argParser(parseKind)],
    async run({ io }, [choice]) {
      io.stdout.write(`${JSON.stringify(jsonSchema(choice?.kind), null, 2)}\n`);
      return EXIT.done;
    },
  });
  add<[], object>({
    name: 'version',
    summary: 'print the version',
    examples: ['outrider version', 'outrider version --json'],
    async run(context) {
      if (context.json) printJson(context, { version, node: process.versions.node });
      else context.io.stdout.write(`outrider ${version} (Node ${process.versions.node})\n`);
      return EXIT.done;
    },
  });
}

const TOPICS: Readonly<Record<string, () => string>> = {
  'exit-codes': () =>
    tableText(
      ['EXIT', 'MEANING'],
      EXIT_MEANINGS.map(([code, meaning]) => [String(code), meaning]),
    ),
  environment: () =>
    tableText(
      ['VARIABLE', 'DEFAULT', 'MEANING'],
      VARIABLES.map((row) => [row.name, row.default, row.meaning]),
    ),
};

/** `outrider help`, `outrider help COMMAND`, `outrider help TOPIC`. */
export function addHelp(program: Command, write: (text: string) => void): void {
  program
    .command('help')
    .summary('help on a command, exit-codes or environment')
    .description('Help on a command, or on one of these topics: exit-codes, environment.')
    .argument('[topic...]', 'a command, or a topic')
    .action((words: readonly string[]) => {
      const topic = TOPICS[words.join(' ')];
      if (topic !== undefined) {
        write(topic());
        return;
      }
      let command = program;
      for (const word of words) {
        const found = command.commands.find((candidate) => candidate.name() === word);
        if (found === undefined) throw new InvalidArgumentError(`There is no help on "${words.join(' ')}".`);
        command = found;
      }
      command.outputHelp();
    });
}
