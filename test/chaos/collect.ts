import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Daemon } from './daemon.ts';
import { type ApiAccess, call } from './http-call.ts';
import type { Installation } from './installation.ts';
import type {
  EventRecord,
  ExecutionRecord,
  LineRecord,
  ProcessRecord,
  ProducedRun,
  SecretRecord,
  StepRecord,
  StoreRecord,
} from './observations.ts';
import type { ProducedRecord } from './produced.ts';

/** What a delegate under test may hold: it runs unbundled here, with all of its sources. */
const MEMORY_LIMIT_MIB = { delegate: 260, 'control-plane': 400 };
const PAGE = 100;

/** Reads every execution there is, with its events and logs, from the API. */
export async function collectExecutions(api: ApiAccess): Promise<readonly ExecutionRecord[]> {
  const found: ExecutionRecord[] = [];
  let cursor: unknown = '';
  while (typeof cursor === 'string') {
    const after = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const page = await get(api, `/v1/executions?limit=${PAGE}${after}`);
    for (const item of listOf(page['items'])) found.push(await collectExecution(api, textOf(item['id'])));
    cursor = page['nextCursor'];
  }
  return found;
}

async function collectExecution(api: ApiAccess, id: string): Promise<ExecutionRecord> {
  const body = await get(api, `/v1/executions/${id}`);
  const failure = objectOf(body['failure']);
  const steps: StepRecord[] = [];
  for (const phase of listOf(body['phases'])) {
    for (const step of listOf(phase['steps'])) steps.push(await collectStep(api, id, step));
  }
  return {
    id,
    status: textOf(body['status']),
    rollback: textOf(body['rollback']),
    reason: textOf(body['reason']),
    failureCode: textOf(failure['code']),
    failureMessage: textOf(failure['message']),
    steps,
    events: await collectEvents(api, id),
  };
}

async function collectStep(api: ApiAccess, executionId: string, step: Fields): Promise<StepRecord> {
  const id = textOf(step['id']);
  const failure = objectOf(step['failure']);
  const lines: LineRecord[] = [];
  for (let after = ''; ; ) {
    const page = await get(api, `/v1/executions/${executionId}/steps/${id}/logs?limit=1000${after}`);
    const read = listOf(page['lines']).map((line) => ({
      attempt: numberOf(line['attempt']),
      seq: numberOf(line['seq']),
      level: textOf(line['level']),
      text: textOf(line['text']),
    }));
    lines.push(...read);
    if (read.length === 0) break;
    after = `&after=${encodeURIComponent(textOf(page['next']))}`;
  }
  return {
    id,
    type: textOf(step['type']),
    status: textOf(step['status']),
    attempt: numberOf(step['attempt']),
    failure: textOf(failure['code']) === '' ? '' : `${textOf(failure['code'])}: ${textOf(failure['message'])}`,
    lines,
  };
}

async function collectEvents(api: ApiAccess, id: string): Promise<readonly EventRecord[]> {
  const events: EventRecord[] = [];
  for (;;) {
    const page = await get(api, `/v1/executions/${id}/events?after=${events.at(-1)?.seq ?? 0}&limit=1000`);
    const read = listOf(page['events']);
    for (const event of read) {
      events.push({
        seq: numberOf(event['seq']),
        type: textOf(event['type']),
        stepId: textOf(event['stepId']),
        attempt: numberOf(event['attempt']),
        text: JSON.stringify(event),
      });
    }
    if (read.length === 0) return events;
  }
}

/** Reads the store's file, which no process uses any more. */
export function collectStore(file: string): StoreRecord {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    const all = (sql: string): readonly Fields[] => database.prepare(sql).all().map(objectOf);
    const tasks = all('SELECT task_id, state, epoch, log_bytes FROM tasks ORDER BY ordinal');
    const chunksOf = database.prepare('SELECT offset, bytes FROM log_chunks WHERE task_id = ? ORDER BY offset');
    return {
      heads: all('SELECT id, last_seq, last_hash FROM executions ORDER BY id').map((row) => ({
        id: textOf(row['id']),
        seq: numberOf(row['last_seq']),
        hash: textOf(row['last_hash']),
      })),
      events: all('SELECT * FROM events ORDER BY execution_id, seq').map((row) => ({
        executionId: textOf(row['execution_id']),
        seq: numberOf(row['seq']),
        atMs: numberOf(row['at_ms']),
        event: textOf(row['event']),
        previousHash: textOf(row['prev_hash']),
        hash: textOf(row['hash']),
      })),
      tasks: tasks.map((row) => {
        const chunks = chunksOf.all(textOf(row['task_id'])).map((chunk) => ({
          offset: numberOf(chunk['offset']),
          bytes: chunk['bytes'] instanceof Uint8Array ? chunk['bytes'] : new Uint8Array(),
        }));
        return {
          taskId: textOf(row['task_id']),
          state: textOf(row['state']),
          epoch: numberOf(row['epoch']),
          logBytes: numberOf(row['log_bytes']),
          chunks: chunks.map(({ offset, bytes }) => ({ offset, length: bytes.length })),
          log: Buffer.concat(chunks.map(({ bytes }) => bytes)).toString('utf8'),
        };
      }),
      effectsLeft: numberOf(all('SELECT count(*) AS count FROM effects')[0]?.['count']),
    };
  } finally {
    database.close();
  }
}

/** What the delegates' processes wrote down about the runs of their steps. */
export async function collectProduced(directory: string): Promise<readonly ProducedRun[]> {
  const runs: ProducedRun[] = [];
  for (const name of await readdir(directory)) {
    const open = new Map<number, { taskId: string; atMs: number; lines: string[]; outcome: string | undefined }>();
    for (const line of (await readFile(path.join(directory, name), 'utf8')).split('\n')) {
      // The last line of a process that was killed may be half written.
      if (!line.endsWith('}')) continue;
      const record: ProducedRecord = JSON.parse(line);
      const { run } = record;
      if (record.kind === 'began') {
        open.set(run, { taskId: record.taskId, atMs: record.atMs, lines: [], outcome: undefined });
      }
      const known = open.get(run);
      if (record.kind === 'said') known?.lines.push(record.text);
      if (record.kind === 'ended' && known !== undefined) known.outcome = record.outcome;
    }
    runs.push(...open.values());
  }
  return runs.toSorted((a, b) => a.atMs - b.atMs);
}

/** What nobody should ever read in the log of a process: an error that nobody foresaw, or where in our sources it was. */
const ALARMING =
  /"code":"internal"|\binternal:|^\s+at .+:\d+:\d+\)?$|\\n\s+at .+:\d+:\d+|UnhandledPromise|Uncaught|\bTypeError\b|\bRangeError\b/;
const ALARMING_KEPT = 20;

export async function collectProcesses({ controlPlane, delegates }: Installation): Promise<readonly ProcessRecord[]> {
  return await Promise.all(
    [controlPlane, ...Object.values(delegates)].map(async (daemon) => ({
      name: daemon.name,
      lives: daemon.lives,
      peakMiB: Math.round(daemon.memory().peakMiB),
      memoryLimitMiB: MEMORY_LIMIT_MIB[daemon === controlPlane ? 'control-plane' : 'delegate'],
      unasked: daemon
        .endings()
        .filter((ending) => !ending.asked)
        .map((ending) => ending.how),
      alarming: await alarmingLines(daemon),
    })),
  );
}

async function alarmingLines(daemon: Daemon): Promise<readonly string[]> {
  const lines = (await readFile(daemon.logFile, 'utf8')).split('\n');
  return lines
    .filter((line) => ALARMING.test(line))
    .slice(0, ALARMING_KEPT)
    .map((line) => line.slice(0, 500));
}

/** Looks for every secret in every file that the installation left. */
export async function collectSecrets({
  directory,
  secrets,
  delegates,
}: Installation): Promise<readonly SecretRecord[]> {
  const canaries: readonly (readonly [string, string])[] = [
    ['the API key', secrets.apiKey],
    ['the AWS secret key', secrets.awsSecretKey],
    ...secrets.joinTokens.map((token) => ['a join token', token] as const),
  ];
  const found: SecretRecord[] = [];
  const credentials: string[] = [];
  const files: { readonly where: string; readonly bytes: Buffer }[] = [];
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    const where = path.relative(directory, file);
    const bytes = await readFile(file);
    files.push({ where, bytes });
    // A delegate's credential belongs in the file that only the delegate reads, and nowhere else.
    if (/credential/.test(entry.name))
      credentials.push(...(bytes.toString('utf8').match(/odc_[0-9A-Za-z]+_[\w-]+/g) ?? []));
  }
  if (new Set(credentials).size < Object.keys(delegates).length) {
    found.push({ what: 'a credential that nobody looked for', where: 'a place that is not known here' });
  }
  for (const { where, bytes } of files) {
    for (const [what, secret] of canaries) if (bytes.includes(secret)) found.push({ what, where });
    if (/credential/.test(where)) continue;
    if (credentials.some((credential) => bytes.includes(secretPart(credential)))) {
      found.push({ what: "a delegate's credential", where });
    }
  }
  return found;
}

function secretPart(credential: string): string {
  return /^odc_[0-9A-Za-z]+_(.+)$/.exec(credential)?.[1] ?? credential;
}

type Fields = Readonly<Record<string, unknown>>;

async function get(api: ApiAccess, address: string): Promise<Fields> {
  const answer = await call(api, 'GET', address, { timeoutMs: 20_000 });
  if (answer.status !== 200) throw new Error(`${address} answers ${answer.status}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

function objectOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(objectOf) : [];
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
