import { type TriggerBody, trigger, triggerList, triggerToken } from '@outrider/shared/api/trigger-schemas.ts';
import { OutriderError } from '@outrider/shared/errors.ts';
import { Argument, type Command, Option } from 'commander';
import { z } from 'zod';
import { collectArtifact, collectVariable, nameText, parseResourceName, type ResourceName } from '../arguments.ts';
import { apiPath } from '../client.ts';
import { type AddCommand, type CommandRunner, commandGroup } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { printJson, say } from '../print.ts';
import { agoText, tableText } from '../render/text.ts';

interface SetOptions {
  readonly workflow: string;
  readonly webhook?: boolean;
  readonly schedule?: string;
  readonly timeZone?: string;
  readonly artifact: Readonly<Record<string, string>>;
  readonly set: Readonly<Record<string, string>>;
  readonly disabled?: boolean;
}

const NAME = () => new Argument('<name>', 'NAME or APPLICATION/NAME').argParser(parseResourceName);
const queryOf = ({ application }: ResourceName) => (application === undefined ? {} : { application });

/** What starts workflows without a person. */
export function addTriggers(program: Command, runner: CommandRunner): void {
  const add = commandGroup(program, runner, 'triggers', 'what starts workflows without a person');
  addSet(add);
  addList(add);
  add<[ResourceName], object>({
    name: 'token',
    summary: 'make the path that calls a trigger and print it, this once',
    description: 'Whoever knows it can start the workflow. The one before opens nothing any more.',
    examples: ['outrider triggers token ECS/ci'],
    arguments: [NAME()],
    async run(context, [name]) {
      const path = apiPath('triggers', name.name, 'token');
      const { value, raw } = await context.client().call('POST', path, triggerToken, { query: queryOf(name) });
      if (context.json) printJson(context, raw);
      else context.io.stdout.write(`${value.path}\n`);
      say(
        context,
        'It is shown this once. POST {"artifacts": {}, "variables": {}, "reason": ""} to it, without a key.',
      );
      return EXIT.done;
    },
  });
  add<[ResourceName], object>({
    name: 'delete',
    summary: 'delete a trigger; what it started goes on',
    examples: ['outrider triggers delete ECS/ci'],
    arguments: [NAME()],
    async run(context, [name]) {
      await context.client().call('DELETE', apiPath('triggers', name.name), z.undefined(), { query: queryOf(name) });
      if (context.json) printJson(context, { deleted: name.name });
      else context.io.stdout.write(`deleted  ${name.name}\n`);
      return EXIT.done;
    },
  });
}

function addSet(add: AddCommand): void {
  add<[ResourceName], SetOptions>({
    name: 'set',
    summary: 'make or replace a trigger',
    examples: [
      'outrider triggers set ECS/ci --workflow web --webhook',
      'outrider triggers set ECS/nightly --workflow web --schedule "30 6 * * 1-5" --time-zone Europe/Berlin --artifact web=:stable',
    ],
    arguments: [NAME()],
    options: [
      new Option('--workflow <name>', 'what it starts, of the same application').makeOptionMandatory(),
      new Option('--webhook', 'a caller with its token starts it').conflicts(['schedule', 'timeZone']),
      new Option('--schedule <cron>', 'minute, hour, day of the month, month, day of the week'),
      new Option('--time-zone <name>', 'of the IANA database (default: UTC)'),
      new Option('--artifact <service=image>', 'image for every run (repeatable)')
        .argParser(collectArtifact)
        .default({}, 'none'),
      new Option('--set <name=value>', 'value of a workflow variable for every run (repeatable)')
        .argParser(collectVariable)
        .default({}, 'none'),
      new Option('--disabled', 'it starts nothing'),
    ],
    async run(context, [name], options) {
      const { workflow, artifact, set, disabled } = options;
      const body = { workflow, ...whenOf(options), artifacts: artifact, variables: set, enabled: disabled !== true };
      const given = { body, query: queryOf(name) };
      const { value, raw } = await context.client().call('PUT', apiPath('triggers', name.name), trigger, given);
      if (context.json) printJson(context, raw);
      else context.io.stdout.write(`set  ${nameText(value)}\n`);
      if (value.webhook?.hasToken === false) {
        say(context, `Nobody can call it yet: outrider triggers token ${JSON.stringify(nameText(value))}`);
      } else if (typeof value.schedule?.nextAt === 'string')
        say(context, `It starts next at ${value.schedule.nextAt}.`);
      return EXIT.done;
    },
  });
}

function whenOf({ webhook, schedule, timeZone }: SetOptions): object {
  if (webhook === true) return { webhook: {} };
  if (schedule !== undefined) {
    return { schedule: { cron: schedule, ...(timeZone === undefined ? {} : { timeZone }) } };
  }
  throw new OutriderError('request-invalid', 'Nothing says what starts it', { hint: 'Give --webhook or --schedule.' });
}

function addList(add: AddCommand): void {
  add<[], { readonly application?: string }>({
    name: 'list',
    summary: 'list triggers and what came of them lately',
    examples: ['outrider triggers list', 'outrider triggers list --application ECS'],
    options: [new Option('--application <name>', 'only these')],
    async run(context, _none, { application }) {
      const query = application === undefined ? {} : { application };
      const { value, raw } = await context.client().call('GET', apiPath('triggers'), triggerList, { query });
      if (context.json) printJson(context, raw);
      else if (value.items.length > 0) {
        const rows = value.items.map((item) => [
          nameText(item),
          item.workflow,
          startText(item),
          lastText(item, context.io.now()),
        ]);
        context.io.stdout.write(tableText(['NAME', 'WORKFLOW', 'STARTS', 'LAST'], rows));
      }
      if (value.items.length === 0) say(context, 'There are no triggers.');
      return EXIT.done;
    },
  });
}

function startText({ enabled, webhook, schedule }: TriggerBody): string {
  if (!enabled) return 'off';
  if (schedule !== undefined) return `${schedule.cron} (${schedule.timeZone})`;
  return webhook?.hasToken === true ? 'when called' : 'when called; it has no token';
}

function lastText({ firings }: TriggerBody, nowMs: number): string {
  const last = firings.at(-1);
  if (last === undefined) return 'never';
  return `${last.outcome} ${agoText(last.at, nowMs)}: ${last.executionId ?? last.because ?? ''}`;
}
