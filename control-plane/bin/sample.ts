import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { applied, delegateList, execution, executionList, resourceList } from '@outrider/shared/api/schemas.ts';
import { OutriderError } from '@outrider/shared/errors.ts';
import { apiPath, createClient } from '../src/cli/client.ts';
import { readAttachments, readGiven } from '../src/cli/files.ts';
import { follow } from '../src/cli/follow.ts';
import type { CliIo } from '../src/cli/io.ts';

/** What the sample came to. */
export interface SampleResult {
  /** For the screen. */
  readonly said: string;
  /** The command to type next, after `outrider`. */
  readonly next: string;
}

const FOLDERS = ['replica-canary', 'rolling-canary', 'daemon'];
const WORKFLOW = { application: 'ECS', workflow: 'ECS Replica Strategy' };
const SERVICE = 'Example Default_Replica';
const FIRST_TAG = ':1.26';
const NEXT = `run "ECS/ECS Replica Strategy" --artifact "${SERVICE}=:stable-perl" --watch`;
const DELEGATE_WAIT_MS = 30_000;
const DEPLOY_WAIT_MS = 120_000;
const LOOK_MS = 50;

/** @throws delegate-lost when none comes in time */
export async function waitForDelegate(url: string): Promise<void> {
  const client = createClient(url, undefined);
  for (let waitedMs = 0; waitedMs < DELEGATE_WAIT_MS; waitedMs += LOOK_MS) {
    const { value } = await client.call('GET', apiPath('delegates'), delegateList);
    if (value.items.some((delegate) => delegate.connected)) return;
    await pause(LOOK_MS);
  }
  throw new OutriderError('delegate-lost', 'The delegate of this process does not come up', {
    hint: 'Start again with OUTRIDER_LOG_LEVEL=debug to see why.',
  });
}

/**
 * Stores the examples and deploys the first version of their service, through the API like anybody else. What is there
 * from an earlier start stays as it is.
 */
export async function deploySample(url: string, io: CliIo): Promise<SampleResult> {
  const client = createClient(url, undefined);
  const stored = await client.call('GET', apiPath('workflows'), resourceList, { query: { limit: 1 } });
  if (stored.value.items.length === 0) {
    for (const name of FOLDERS) {
      // One after the other: they share an environment and a cluster, and each folder stands alone.
      const files = await readGiven([fileURLToPath(new URL(`../../examples/${name}`, import.meta.url))], io);
      await client.call('POST', apiPath('apply'), applied, {
        body: { files, attachments: readAttachments(files, io) },
      });
    }
  }
  const ran = await client.call('GET', apiPath('executions'), executionList, { query: { limit: 1 } });
  if (ran.value.items.length > 0) {
    return { said: 'Definitions and executions of the last time are here: outrider list', next: NEXT };
  }
  const started = await client.call('POST', apiPath('executions'), execution, {
    body: { ...WORKFLOW, artifacts: { [SERVICE]: FIRST_TAG }, reason: 'first version of the sample' },
  });
  const { id } = started.value;
  const signal = AbortSignal.timeout(DEPLOY_WAIT_MS);
  for await (const message of follow(client, apiPath('executions', id, 'events'), {
    signal,
    onBroken() {},
    now: () => io.now(),
  })) {
    if (message.event === 'end') break;
  }
  const { value } = await client.call('GET', apiPath('executions', id), execution);
  const image = `library/nginx${FIRST_TAG}`;
  if (value.status === 'succeeded') {
    return { said: `Deployed a first version, ${image}, to the simulated cluster example (${id}).`, next: NEXT };
  }
  return { said: `The first version, ${image}, is ${value.status}: outrider show ${id}`, next: NEXT };
}
