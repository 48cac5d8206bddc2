import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as timings from '@outrider/shared/protocol/timings.ts';

const PAGE = new URL('../../../docs/protocol.md', import.meta.url);

/** As the page writes it. */
function shown(name: string, value: number): string {
  if (name === 'SELF_FENCE_SHARE') return '2/3';
  if (name === 'CREDENTIAL_RENEW_SHARE') return '1/2';
  if (name.endsWith('_JITTER')) return `${value * 100} %`;
  if (name.endsWith('_BYTES')) return value % 1_048_576 === 0 ? `${value / 1_048_576} MiB` : `${value / 1_024} KiB`;
  if (!name.endsWith('_MS')) return String(value);
  for (const [unit, size] of [
    ['days', 86_400_000 * 10],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1_000],
  ] as const) {
    const one = unit === 'days' ? 86_400_000 : size;
    if (value >= size && value % one === 0) return `${value / one} ${unit}`;
  }
  return `${value} ms`;
}

test('the page about the protocol has every timer and limit, with the value that the code uses', () => {
  const rows = [...readFileSync(PAGE, 'utf8').matchAll(/^\| `([A-Z_]+)` \| ([^|]+) \|/gm)];
  const page = Object.fromEntries(rows.map(([, name, value]) => [name, value?.trim()]));
  const code = Object.fromEntries(Object.entries(timings).map(([name, value]) => [name, shown(name, value)]));
  assert.equal(Math.abs(timings.SELF_FENCE_SHARE - 2 / 3) < 1e-12, true);
  assert.deepEqual(page, code);
});

test('no timer and no limit of the protocol stands anywhere but in the one table', () => {
  const root = new URL('../../../', import.meta.url);
  const folders = [
    'delegate/src/agent',
    'control-plane/src/grpc',
    'control-plane/src/app/dispatch',
    'shared/src/protocol',
  ];
  const found: string[] = [];
  for (const folder of folders) {
    const files = globSync(`${folder}/**/*.ts`, { cwd: root }).filter(
      (file) => !/timings\.ts$|\/generated\//.test(file),
    );
    assert.ok(files.length > 3, folder);
    for (const file of files) {
      const text = readFileSync(new URL(file, root), 'utf8');
      for (const [, name] of text.matchAll(/^(?:export )?const ([A-Z][A-Z0-9_]+)(?:: number)? = [-0-9(]/gm))
        found.push(`${name}`);
    }
  }
  // Of a file format, of text, and of the platform.
  const others = ['HEADER_BYTES', 'LATEST_MS', 'LONGEST_TIMER_MS', 'NEWLINE'];
  assert.deepEqual([...new Set(found)].toSorted(), others);
});

test('the times fit each other', () => {
  const t = timings;
  assert.ok(t.HEARTBEAT_MS * (1 + t.HEARTBEAT_JITTER) * 2 < t.LEASE_TTL_MS, 'one heartbeat may be lost');
  assert.ok(t.CALL_DEADLINE_MS < t.LEASE_TTL_MS * t.SELF_FENCE_SHARE, 'a call fits into a fresh lease');
  assert.ok(
    t.LEASE_EXTENSION_AFTER_START_MS >= t.LEASE_TTL_MS + t.CONNECT_WATCHDOG_MS,
    'delegates can come back in time',
  );
  const slowest = t.RECONNECT_BASE_MS * 2 ** t.RECONNECT_MAX_DOUBLINGS * 2;
  assert.ok(slowest < t.LEASE_EXTENSION_AFTER_START_MS, 'also those that tried for long');
  assert.ok(t.SESSION_LOST_MS > t.LEASE_TTL_MS, 'the lease decides before the session');
  assert.ok(
    t.LOG_BATCH_MAX_BYTES < t.MAX_MESSAGE_BYTES && t.FACTS_MAX_BYTES + t.OUTPUT_MAX_BYTES < t.MAX_MESSAGE_BYTES,
  );
  assert.ok(
    t.MAX_MESSAGE_BYTES < t.TRANSPORT_MAX_MESSAGE_BYTES && t.TRANSPORT_MAX_MESSAGE_BYTES < t.SEND_QUEUE_MAX_BYTES,
  );
  assert.ok(t.LOG_SPOOL_TAIL_BYTES * 4 < t.LOG_SPOOL_MAX_BYTES);
  const heartbeat = t.HEARTBEAT_MS * (1 + t.HEARTBEAT_JITTER);
  assert.ok(t.POLL_HOLD_MS < t.SESSION_LOST_MS && t.POLL_HOLD_MS < 30_000, 'proxies cut what is silent for 30 s');
  assert.ok(heartbeat + t.POLL_ANSWER_MS < t.LEASE_TTL_MS * t.SELF_FENCE_SHARE, 'a lost poll does not stop the work');
  assert.ok(t.LOG_BATCH_MAX_BYTES * 2 <= t.POLL_LOG_MAX_BYTES && t.POLL_LOG_MAX_BYTES < t.MAX_MESSAGE_BYTES);
  assert.ok(t.MAX_MESSAGE_BYTES < t.POLL_MAX_BYTES && t.POLL_MAX_BYTES < t.TRANSPORT_MAX_MESSAGE_BYTES);
  assert.ok(t.STREAM_PROBE_MS < t.HELLO_TIMEOUT_MS, 'a stream that is only looked at is not ended for its silence');
  assert.ok(t.DRAIN_LIMIT_MS < 120_000, 'ECS kills then');
});
