import {
  delivery,
  deliveryList,
  newWebhook,
  WEBHOOK_EVENTS,
  webhookList,
} from '@outrider/shared/api/webhook-schemas.ts';
import { Argument, type Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { apiPath } from '../client.ts';
import { type AddCommand, type CommandRunner, commandGroup } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { printJson, say } from '../print.ts';
import { agoText, tableText } from '../render/text.ts';

interface CreateOptions {
  readonly event: readonly string[];
  readonly application?: string;
}

function collectEvent(text: string, before: readonly string[]): string[] {
  if (WEBHOOK_EVENTS.some((event) => event === text)) return [...before, text];
  throw new InvalidArgumentError(`It is one of ${WEBHOOK_EVENTS.join(', ')}.`);
}

const ID = () => new Argument('<id>', 'its id (outrider webhooks list)');
/** Deliveries that are listed. */
const LISTED = 50;

/** Who outside is told what happens. */
export function addWebhooks(program: Command, runner: CommandRunner): void {
  const add = commandGroup(program, runner, 'webhooks', 'who outside is told what happens');
  addCreate(add);
  addLists(add);
  add<[string], object>({
    name: 'test',
    summary: 'send a message that says nothing',
    examples: ['outrider webhooks test wh_01JD3K7Q4N0Z5T8W2Y6B9C1D3E'],
    arguments: [ID()],
    async run(context, [id]) {
      const { value, raw } = await context.client().call('POST', apiPath('webhooks', id, 'test'), delivery);
      if (context.json) printJson(context, raw);
      else context.io.stdout.write(`${value.id}\n`);
      say(context, `How it went: outrider webhooks deliveries ${id}`);
      return EXIT.done;
    },
  });
  add<[string, string], object>({
    name: 'redeliver',
    summary: 'send a delivery again under its id',
    examples: ['outrider webhooks redeliver wh_01JD3K7Q4N0Z5T8W2Y6B9C1D3E msg_5f0c2d9e7a1b4c3d8e6f0a2b4c6d8e0f'],
    arguments: [ID(), new Argument('<delivery>', 'its id (outrider webhooks deliveries)')],
    async run(context, [id, which]) {
      const path = apiPath('webhooks', id, 'deliveries', which, 'redeliver');
      const { value, raw } = await context.client().call('POST', path, delivery);
      if (context.json) printJson(context, raw);
      else context.io.stdout.write(`${value.state}  ${value.id}\n`);
      return EXIT.done;
    },
  });
  add<[string], object>({
    name: 'delete',
    summary: 'delete a webhook with its deliveries',
    examples: ['outrider webhooks delete wh_01JD3K7Q4N0Z5T8W2Y6B9C1D3E'],
    arguments: [ID()],
    async run(context, [id]) {
      await context.client().call('DELETE', apiPath('webhooks', id), z.undefined());
      if (context.json) printJson(context, { deleted: id });
      else context.io.stdout.write(`deleted  ${id}\n`);
      return EXIT.done;
    },
  });
}

function addCreate(add: AddCommand): void {
  add<[string], CreateOptions>({
    name: 'create',
    summary: 'tell an address what happens, and print the secret that signs, this once',
    examples: [
      'outrider webhooks create https://chat.example/outrider',
      'outrider webhooks create https://chat.example/prod --event execution.rollback_failed --application ECS',
    ],
    arguments: [new Argument('<url>', 'where messages go')],
    options: [
      new Option('--event <event>', 'only these; give it several times').argParser(collectEvent).default([], 'all'),
      new Option('--application <name>', 'only executions of this application'),
    ],
    async run(context, [url], { event, application }) {
      const body = {
        url,
        ...(event.length === 0 ? {} : { events: event }),
        ...(application === undefined ? {} : { application }),
      };
      const { value, raw } = await context.client().call('POST', apiPath('webhooks'), newWebhook, { body });
      if (context.json) printJson(context, raw);
      else context.io.stdout.write(`${value.secret}\n`);
      say(
        context,
        `Webhook ${value.id}. Its secret is shown this once; see that messages arrive: outrider webhooks test ${value.id}`,
      );
      return EXIT.done;
    },
  });
}

function addLists(add: AddCommand): void {
  add<[], object>({
    name: 'list',
    summary: 'list webhooks, without their secrets',
    examples: ['outrider webhooks list'],
    async run(context) {
      const { value, raw } = await context.client().call('GET', apiPath('webhooks'), webhookList);
      if (context.json) printJson(context, raw);
      else if (value.items.length > 0) {
        const rows = value.items.map((item) => [
          item.id,
          item.url,
          item.application ?? 'all',
          item.events.length === WEBHOOK_EVENTS.length ? 'all' : item.events.join(','),
          item.disabled === null ? 'on' : `off: ${item.disabled.because}`,
        ]);
        context.io.stdout.write(tableText(['ID', 'URL', 'APPLICATION', 'EVENTS', 'STATE'], rows));
      }
      if (value.items.length === 0) say(context, 'There are no webhooks.');
      return EXIT.done;
    },
  });
  add<[string], object>({
    name: 'deliveries',
    summary: `list the last ${LISTED} things that a webhook was told, newest first`,
    examples: ['outrider webhooks deliveries wh_01JD3K7Q4N0Z5T8W2Y6B9C1D3E'],
    arguments: [ID()],
    async run(context, [id]) {
      const options = { query: { limit: LISTED } };
      const path = apiPath('webhooks', id, 'deliveries');
      const { value, raw } = await context.client().call('GET', path, deliveryList, options);
      if (context.json) printJson(context, raw);
      else if (value.items.length > 0) {
        const rows = value.items.map((item) => [
          item.id,
          item.event,
          agoText(item.createdAt, context.io.now()),
          item.state,
          String(item.attempts.length),
          item.attempts.at(-1)?.because ?? '',
        ]);
        context.io.stdout.write(tableText(['ID', 'EVENT', 'MADE', 'STATE', 'ATTEMPTS', 'WHY'], rows));
      }
      if (value.items.length === 0) say(context, 'It was told nothing yet.');
      return EXIT.done;
    },
  });
}
