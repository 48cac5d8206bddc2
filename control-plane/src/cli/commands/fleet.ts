import {
  type DelegateBody,
  delegate,
  delegateList,
  joinTokenList,
  newJoinToken,
} from '@outrider/shared/api/schemas.ts';
import { Argument, type Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { parseDuration } from '../arguments.ts';
import { apiPath } from '../client.ts';
import { type AddCommand, type CommandRunner, commandGroup } from '../command.ts';
import type { CliContext } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { printJson, say } from '../print.ts';
import { agoText, tableText } from '../render/text.ts';

export function addFleet(program: Command, runner: CommandRunner): void {
  addDelegates(program, runner);
  addTokens(program, runner);
}

function addDelegates(program: Command, runner: CommandRunner): void {
  const add = commandGroup(program, runner, 'delegates', 'see the delegates');
  add<[], object>({
    name: 'list',
    summary: 'list all delegates that are known, connected or not',
    examples: ['outrider delegates list'],
    async run(context) {
      const { value, raw } = await context.client().call('GET', apiPath('delegates'), delegateList);
      if (context.json) printJson(context, raw);
      else if (value.items.length > 0) {
        const headings = ['NAME', 'STATE', 'INSTANCES', 'BUSY', 'VERSION', 'LAST SEEN', 'REGION', 'TAGS'];
        context.io.stdout.write(
          tableText(
            headings,
            value.items.map((item) => delegateCells(item, context)),
          ),
        );
      }
      if (value.items.length === 0) say(context, 'No delegate has joined yet. Let one in: outrider tokens create');
      for (const item of value.items) for (const line of warnings(item, context)) say(context, line);
      return EXIT.done;
    },
  });
  add<[string], object>({
    name: 'get',
    summary: 'show one delegate',
    examples: ['outrider delegates get vpc-prod'],
    arguments: [new Argument('<name>', 'its name')],
    async run(context, [name]) {
      const { value, raw } = await context.client().call('GET', apiPath('delegates', name), delegate);
      if (context.json) printJson(context, raw);
      else context.io.stdout.write(delegateText(value, context));
      for (const line of warnings(value, context)) say(context, line);
      return EXIT.done;
    },
  });
  addDelegateActs(add);
}

function addDelegateActs(add: AddCommand): void {
  add<[string], object>({
    name: 'remove',
    summary: 'revoke the credentials of a delegate, end its sessions and forget it',
    examples: ['outrider delegates remove vpc-prod'],
    arguments: [new Argument('<name>', 'its name')],
    async run(context, [name]) {
      await context.client().call('DELETE', apiPath('delegates', name), z.undefined());
      if (context.json) printJson(context, { removed: name });
      else context.io.stdout.write(`removed  ${name}\n`);
      say(context, 'What it was at goes on elsewhere. With a join token that still counts it may come again.');
      return EXIT.done;
    },
  });
  add<[string], object>({
    name: 'unlock',
    summary: 'let a locked delegate join again, with a new token',
    examples: ['outrider delegates unlock vpc-prod'],
    arguments: [new Argument('<name>', 'its name')],
    async run(context, [name]) {
      const { raw } = await context.client().call('POST', apiPath('delegates', name, 'unlock'), delegate);
      if (context.json) printJson(context, raw);
      else context.io.stdout.write(`unlocked  ${name}\n`);
      say(context, `What it had stays revoked. Let it join: outrider tokens create --delegate ${name}`);
      return EXIT.done;
    },
  });
}

/** What a person should look at, in a line each. */
function warnings({ name, lock, copySeenAt }: DelegateBody, context: CliContext): string[] {
  if (lock !== null) {
    return [`${name} is locked: ${lock.because}. When that is cleared up: outrider delegates unlock ${name}`];
  }
  if (copySeenAt === null || context.io.now() - Date.parse(copySeenAt) > COPY_SHOWN_MS) return [];
  return [`${name}: a second machine wants to come in with its credential; was its data directory copied?`];
}

/** A copy that has given up is not worth a word any more. */
const COPY_SHOWN_MS = 3_600_000;

function stateText({ connected, draining, transport, lock }: DelegateBody, context: CliContext): string {
  const { glyphs } = context.palette(context.io.stdout);
  if (lock !== null) return `${glyphs.off} locked`;
  if (!connected) return `${glyphs.off} gone`;
  return `${glyphs.on} ${draining ? 'draining' : 'connected'}${transport === 'polling' ? ' (polling)' : ''}`;
}

function delegateCells(item: DelegateBody, context: CliContext): string[] {
  const busy = item.connected ? `${item.busy}/${item.slots}` : '-';
  const seen = item.connected ? 'now' : agoText(item.lastSeenAt, context.io.now());
  return [
    item.name,
    stateText(item, context),
    String(item.instances),
    busy,
    item.version,
    seen,
    item.region,
    item.tags.join(','),
  ];
}

function delegateText(item: DelegateBody, context: CliContext): string {
  const rows = [
    ['name', item.name],
    ['state', stateText(item, context)],
    ['tags', item.tags.join(', ')],
    ['instances', String(item.instances)],
    ['busy', `${item.busy} of ${item.slots} slots`],
    ['version', item.version],
    ['region', item.region],
    ['last seen', item.connected ? 'now' : agoText(item.lastSeenAt, context.io.now())],
    ['knows', item.stepTypes.join(', ')],
  ];
  return rows.map(([label, value]) => `${(label ?? '').padEnd(11)}${value === '' ? '-' : value}\n`).join('');
}

function parseUses(text: string): number | 'unlimited' {
  if (text === 'unlimited') return text;
  const uses = Number(text);
  if (Number.isInteger(uses) && uses > 0) return uses;
  throw new InvalidArgumentError('It is a whole number from 1, or unlimited.');
}

interface TokenOptions {
  readonly delegate?: string;
  readonly uses: number | 'unlimited';
  readonly expires: number;
}

function addTokens(program: Command, runner: CommandRunner): void {
  const add = commandGroup(program, runner, 'tokens', 'join tokens: what lets a delegate in');
  add<[], TokenOptions>({
    name: 'create',
    summary: 'make a join token and print it, this once',
    examples: [
      'outrider tokens create --delegate vpc-prod',
      'outrider tokens create --delegate vpc-prod --uses unlimited --expires 30d',
    ],
    options: [
      new Option('--delegate <name>', 'the only delegate that may use it'),
      new Option('--uses <count>', 'how often it may be used; unlimited needs --delegate')
        .argParser(parseUses)
        .default(1),
      new Option('--expires <time>', 'how long it is good for').argParser(parseDuration).default(86_400_000, '24h'),
    ],
    async run(context, _args, { delegate: name, uses, expires }) {
      const body = {
        delegateName: name ?? null,
        uses: uses === 'unlimited' ? null : uses,
        expiresInSeconds: Math.ceil(expires / 1_000),
      };
      const { value, raw } = await context.client().call('POST', apiPath('join-tokens'), newJoinToken, { body });
      if (context.json) printJson(context, raw);
      else context.io.stdout.write(`${value.token}\n`);
      say(
        context,
        `Join token ${value.id}, good until ${value.expiresAt}. It is shown this once. Start the delegate with\n` +
          `  OUTRIDER_JOIN_TOKEN=… OUTRIDER_CONTROL_PLANE=HOST:PORT OUTRIDER_DELEGATE_NAME=${name ?? 'NAME'} outrider delegate`,
      );
      return EXIT.done;
    },
  });
  add<[], object>({
    name: 'list',
    summary: 'list join tokens, without their secrets',
    examples: ['outrider tokens list'],
    async run(context) {
      const { value, raw } = await context.client().call('GET', apiPath('join-tokens'), joinTokenList);
      if (context.json) printJson(context, raw);
      else if (value.items.length > 0) {
        const rows = value.items.map((token) => [
          token.id,
          token.delegateName ?? 'any',
          token.usesLeft === null ? 'unlimited' : String(token.usesLeft),
          token.revokedAt === null ? token.expiresAt : 'revoked',
          token.createdBy,
        ]);
        context.io.stdout.write(tableText(['ID', 'FOR', 'USES LEFT', 'EXPIRES', 'BY'], rows));
      }
      if (value.items.length === 0) say(context, 'There are no join tokens. Make one: outrider tokens create');
      return EXIT.done;
    },
  });
  add<[string], object>({
    name: 'revoke',
    summary: 'revoke a join token; delegates that used it stay',
    examples: ['outrider tokens revoke 4f1c2a9be07d3351'],
    arguments: [new Argument('<id>', 'its id (outrider tokens list)')],
    async run(context, [id]) {
      await context.client().call('DELETE', apiPath('join-tokens', id), z.undefined());
      if (context.json) printJson(context, { revoked: id });
      else context.io.stdout.write(`revoked  ${id}\n`);
      return EXIT.done;
    },
  });
}
