import { applied, type ResourceBody, resource, resourceList, validated } from '@outrider/shared/api/schemas.ts';
import { OutriderError } from '@outrider/shared/errors.ts';
import { Argument, Option } from 'commander';
import { stringify } from 'yaml';
import { z } from 'zod';
import { readDocuments } from '../../documents/read-documents.ts';
import {
  collectText,
  type KindChoice,
  nameText,
  parseCount,
  parseKind,
  parseResourceName,
  type ResourceName,
} from '../arguments.ts';
import { apiPath } from '../client.ts';
import type { AddCommand } from '../command.ts';
import type { CliContext } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { readAttachments, readGiven } from '../files.ts';
import { printJson, say } from '../print.ts';
import { agoText, tableText } from '../render/text.ts';

export function addResources(add: AddCommand): void {
  addValidate(add);
  addApply(add);
  addGet(add);
  addDelete(add);
}

function addValidate(add: AddCommand): void {
  add<[readonly string[]], object>({
    name: 'validate',
    summary: 'check resource files and store nothing',
    description:
      'Finds every problem of every file, each at file:line:column with what to do. Where the control plane answers, it also\n' +
      'checks what the files refer to; without one, everything that the files say by themselves.',
    examples: ['outrider validate workflow.yaml service.yaml', 'outrider validate deploy/'],
    arguments: [new Argument('<file...>', 'files, folders, or - for standard input')],
    async run(context, [names]) {
      const files = await readGiven(names, context.io);
      const attachments = readAttachments(files, context.io);
      const read = readDocuments(files, attachments);
      const offline = await checkReferences(context, { files, attachments });
      if (context.json) printJson(context, { items: read.map(({ resource: given }) => identityOf(given)), offline });
      else
        context.io.stdout.write(read.map(({ resource: given }) => `valid  ${refText(identityOf(given))}\n`).join(''));
      if (offline)
        say(
          context,
          'No control plane was asked: references to resources that are not in these files were not checked.',
        );
      return EXIT.done;
    },
  });
}

/** True when nobody could be asked. */
async function checkReferences(context: CliContext, body: object): Promise<boolean> {
  try {
    await context.client().call('POST', apiPath('validate'), validated, { body });
    return false;
  } catch (thrown) {
    const { code } = OutriderError.from(thrown);
    if (code === 'unreachable' || code === 'not-authenticated' || code === 'not-permitted') return true;
    throw thrown;
  }
}

function addApply(add: AddCommand): void {
  add<[], { readonly file: readonly string[] }>({
    name: 'apply',
    summary: 'store resources: all that are given, or none',
    examples: [
      'outrider apply -f examples/replica-canary',
      'outrider apply -f service.yaml -f workflow.yaml',
      'cat all.yaml | outrider apply -f -',
    ],
    options: [
      new Option('-f, --file <path>', 'file, folder, or - for standard input (repeatable)')
        .argParser(collectText)
        .makeOptionMandatory(),
    ],
    async run(context, _args, { file }) {
      const files = await readGiven(file, context.io);
      const body = { files, attachments: readAttachments(files, context.io) };
      const { value, raw } = await context.client().call('POST', apiPath('apply'), applied, { body });
      if (context.json) printJson(context, raw);
      else {
        const lines = value.items.map(
          (item) => `${item.outcome.padEnd(9)}  ${refText(item)}  version ${item.version}\n`,
        );
        context.io.stdout.write(lines.join(''));
      }
      return EXIT.done;
    },
  });
}

interface GetOptions {
  readonly application?: string;
  readonly version?: number;
}

function addGet(add: AddCommand): void {
  add<[KindChoice, ResourceName | undefined], GetOptions>({
    name: 'get',
    summary: 'list resources of a kind, or print one as YAML',
    description: 'Kinds: service, environment, infrastructure, workflow (also svc, env, infra, wf, and their plurals).',
    examples: [
      'outrider get workflows',
      'outrider get workflow "ECS/ECS Replica Strategy"',
      'outrider get svc ECS/web --version 3 > web.yaml',
    ],
    arguments: [kindArgument(), new Argument('[name]', 'NAME or APPLICATION/NAME').argParser(parseResourceName)],
    options: [
      new Option('--application <name>', 'only of this application'),
      new Option('--version <number>', 'an older version of the one that is named').argParser(parseCount),
    ],
    run: (context, [kind, name], options) =>
      name === undefined ? listResources(context, kind, options) : getResource(context, kind, name, options),
  });
}

const kindArgument = () =>
  new Argument('<kind>', 'service, environment, infrastructure or workflow').argParser(parseKind);

async function listResources(
  context: CliContext,
  { kind, collection }: KindChoice,
  { application }: GetOptions,
): Promise<ExitCode> {
  const items: ResourceBody[] = [];
  let cursor: string | undefined;
  do {
    const query = { application, cursor, limit: 200 };
    const { value } = await context.client().call('GET', apiPath(collection), resourceList, { query });
    items.push(...value.items);
    cursor = value.nextCursor ?? undefined;
  } while (cursor !== undefined);
  if (context.json) printJson(context, { items });
  else if (items.length > 0) {
    const nowMs = context.io.now();
    const rows = items.map(({ metadata, status }) => [
      nameText(metadata),
      String(status.version),
      agoText(status.updatedAt, nowMs),
      status.updatedBy,
      metadata.description ?? '',
    ]);
    context.io.stdout.write(tableText(['NAME', 'VERSION', 'CHANGED', 'BY', 'DESCRIPTION'], rows));
  }
  if (items.length === 0) say(context, `No ${kind.toLowerCase()} is stored. Store some: outrider apply -f FILE`);
  return EXIT.done;
}

async function getResource(
  context: CliContext,
  { collection }: KindChoice,
  { application, name }: ResourceName,
  options: GetOptions,
): Promise<ExitCode> {
  const query = { application: application ?? options.application, version: options.version };
  const { raw } = await context.client().call('GET', apiPath(collection, name), resource, { query });
  if (context.json) {
    printJson(context, raw);
    return EXIT.done;
  }
  const { status, ...document } = resource.parse(raw);
  context.io.stdout.write(stringify(document, { lineWidth: 120 }));
  say(context, `# version ${status.version}, by ${status.updatedBy}, ${agoText(status.updatedAt, context.io.now())}`);
  return EXIT.done;
}

function addDelete(add: AddCommand): void {
  add<[KindChoice, ResourceName], { readonly application?: string; readonly ifVersion?: number }>({
    name: 'delete',
    summary: 'delete a resource that nothing refers to any more',
    examples: ['outrider delete workflow ECS/web', 'outrider delete service ECS/web --if-version 7'],
    arguments: [kindArgument(), new Argument('<name>', 'NAME or APPLICATION/NAME').argParser(parseResourceName)],
    options: [
      new Option('--application <name>', 'its application'),
      new Option('--if-version <number>', 'only if this is its version').argParser(parseCount),
    ],
    async run(context, [{ kind, collection }, { application, name }], options) {
      const query = { application: application ?? options.application };
      const headers: Record<string, string> =
        options.ifVersion === undefined ? {} : { 'if-match': `"${options.ifVersion}"` };
      await context.client().call('DELETE', apiPath(collection, name), z.undefined(), { query, headers });
      if (context.json) printJson(context, { deleted: { kind, application: query.application ?? 'default', name } });
      else
        context.io.stdout.write(`deleted  ${refText({ kind, application: query.application ?? 'default', name })}\n`);
      return EXIT.done;
    },
  });
}

interface Identity {
  readonly kind: string;
  readonly application: string;
  readonly name: string;
}

function identityOf(given: {
  readonly kind: string;
  readonly metadata: { readonly application: string; readonly name: string };
}): Identity {
  return { kind: given.kind, application: given.metadata.application, name: given.metadata.name };
}

function refText({ kind, application, name }: Identity): string {
  return `${kind} ${nameText({ application, name })}`;
}
