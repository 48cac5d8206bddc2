import { randomUUID } from 'node:crypto';
import { execution as executionSchema } from '@outrider/shared/api/schemas.ts';
import { OutriderError } from '@outrider/shared/errors.ts';
import { Argument, Option } from 'commander';
import { collectArtifact, collectVariable, parseResourceName, parseWait, type ResourceName } from '../arguments.ts';
import { type ApiClient, apiPath } from '../client.ts';
import type { AddCommand } from '../command.ts';
import type { CliContext } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { printJson, say } from '../print.ts';
import { waitsForLines } from '../render/execution.ts';
import { watchExecution } from '../watch.ts';

interface RunOptions {
  readonly artifact: Readonly<Record<string, string>>;
  readonly set: Readonly<Record<string, string>>;
  readonly watch?: boolean;
  readonly detach?: boolean;
  readonly waitTimeout?: number;
  readonly idempotencyKey?: string;
  readonly reason: string;
}

export function addRun(add: AddCommand): void {
  add<[ResourceName], RunOptions>({
    name: 'run',
    summary: 'run a workflow',
    description:
      'Prints the id of the execution, or with --watch what happens to it; the exit code then says\n' +
      'how it ended (outrider help exit-codes). Ctrl-C detaches and never stops the execution.',
    examples: [
      'outrider run "ECS/ECS Replica Strategy" --artifact "Example Default_Replica=:1.28" --watch',
      'outrider run web --set DesiredInstances=25% --reason "hotfix 4711"',
      'outrider run web --watch --wait-timeout 30m --idempotency-key "$GITHUB_RUN_ID-$GITHUB_RUN_ATTEMPT"',
    ],
    arguments: [new Argument('<workflow>', 'NAME or APPLICATION/NAME').argParser(parseResourceName)],
    options: [
      new Option('--artifact <service=image>', 'image to deploy: repo[:tag][@digest], :tag or @digest (repeatable)')
        .argParser(collectArtifact)
        .default({}, 'none'),
      new Option('--set <name=value>', 'value of a workflow variable (repeatable)')
        .argParser(collectVariable)
        .default({}, 'none'),
      new Option('--watch', 'stay and show what happens').conflicts('detach'),
      new Option('--detach', 'print the id and leave (the default)'),
      new Option('--wait-timeout <time>', 'with --watch: stop waiting after this, exit 7').argParser(parseWait),
      new Option('--idempotency-key <key>', 'the same key starts one execution, however often it is sent'),
      new Option('--reason <text>', 'why; kept in the history').default('', 'none'),
    ],
    run: runWorkflow,
  });
}

async function runWorkflow(context: CliContext, [workflow]: [ResourceName], options: RunOptions): Promise<ExitCode> {
  const watches = options.watch === true || (options.waitTimeout !== undefined && options.detach !== true);
  const client = context.client();
  const started = await start(client, workflow, options);
  const { id } = started.value;
  if (started.headers.get('idempotency-replayed') === 'true') {
    say(context, `${id} was started before with this idempotency key.`);
  }
  for (const note of started.value.notes) say(context, `note: ${note}`);
  for (const line of waitsForLines(started.value)) say(context, `queued: it ${line}`);
  if (!watches) {
    if (context.json) printJson(context, started.raw);
    else context.io.stdout.write(`${id}\n`);
    say(context, `watch it: outrider watch ${id}`);
    return EXIT.done;
  }
  return await watchExecution(context, id, { json: context.json, waitTimeoutMs: options.waitTimeout ?? null });
}

/** Sent once more when the first answer got lost: the key makes that harmless. */
async function start(client: ApiClient, { application, name }: ResourceName, options: RunOptions) {
  const body = {
    workflow: name,
    ...(application === undefined ? {} : { application }),
    artifacts: options.artifact,
    variables: options.set,
    reason: options.reason,
  };
  const headers = { 'idempotency-key': JSON.stringify(options.idempotencyKey ?? randomUUID()) };
  const send = () => client.call('POST', apiPath('executions'), executionSchema, { body, headers });
  return await send().catch((thrown: unknown) => {
    if (thrown instanceof OutriderError && thrown.code === 'unreachable' && /cut/.test(thrown.message)) return send();
    throw thrown;
  });
}
