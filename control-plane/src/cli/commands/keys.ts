import { apiKeyList, newApiKey, ROLES } from '@outrider/shared/api/schemas.ts';
import { Argument, type Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { parseDuration } from '../arguments.ts';
import { apiPath } from '../client.ts';
import { type CommandRunner, commandGroup } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { printJson, say } from '../print.ts';
import { agoText, tableText } from '../render/text.ts';

interface CreateOptions {
  readonly role: string;
  readonly expires: number | 'never';
}

function parseExpiry(text: string): number | 'never' {
  if (text === 'never') return text;
  const milliseconds = parseDuration(text);
  if (milliseconds < 60_000) throw new InvalidArgumentError('It is at least 1m.');
  return milliseconds;
}

/** API keys: who may do what. */
export function addKeys(program: Command, runner: CommandRunner): void {
  const add = commandGroup(program, runner, 'keys', 'API keys: who may do what');
  add<[string], CreateOptions>({
    name: 'create',
    summary: 'make an API key and print it, this once',
    description: 'viewer: look. operator: look, run, stop, change resources. admin: all, also keys and tokens.',
    examples: ['outrider keys create ci --role operator --expires 90d'],
    arguments: [new Argument('<name>', 'whose it is; executions name it as their starter')],
    options: [
      new Option('--role <role>', 'what it may do').choices([...ROLES]).default('viewer'),
      new Option('--expires <time>', 'how long it is good for, or never')
        .argParser(parseExpiry)
        .default(7_776_000_000, '90d'),
    ],
    async run(context, [name], { role, expires }) {
      const expiresInSeconds = expires === 'never' ? null : Math.ceil(expires / 1_000);
      const body = { name, role, expiresInSeconds };
      const { value, raw } = await context.client().call('POST', apiPath('api-keys'), newApiKey, { body });
      if (context.json) printJson(context, raw);
      else context.io.stdout.write(`${value.key}\n`);
      const end = value.expiresAt === null ? 'for ever' : `until ${value.expiresAt}`;
      say(
        context,
        `Key ${value.id} of ${value.name}, ${value.role}, good ${end}. It is shown this once; set it as OUTRIDER_API_KEY.`,
      );
      return EXIT.done;
    },
  });
  add<[], object>({
    name: 'list',
    summary: 'list API keys, without their secrets',
    examples: ['outrider keys list'],
    async run(context) {
      const { value, raw } = await context.client().call('GET', apiPath('api-keys'), apiKeyList);
      if (context.json) printJson(context, raw);
      else if (value.items.length > 0) {
        const rows = value.items.map((key) => [
          key.id,
          key.name,
          key.role,
          key.revokedAt === null ? (key.expiresAt ?? 'never') : 'revoked',
          agoText(key.lastUsedAt, context.io.now()),
        ]);
        context.io.stdout.write(tableText(['ID', 'NAME', 'ROLE', 'EXPIRES', 'LAST USED'], rows));
      }
      if (value.items.length === 0) say(context, 'There are no API keys.');
      return EXIT.done;
    },
  });
  add<[string], object>({
    name: 'revoke',
    summary: 'revoke an API key at once',
    examples: ['outrider keys revoke 9a01b2c3d4e5'],
    arguments: [new Argument('<id>', 'its id (outrider keys list)')],
    async run(context, [id]) {
      await context.client().call('DELETE', apiPath('api-keys', id), z.undefined());
      if (context.json) printJson(context, { revoked: id });
      else context.io.stdout.write(`revoked  ${id}\n`);
      return EXIT.done;
    },
  });
}
