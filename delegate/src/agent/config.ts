import { hostname } from 'node:os';
import path from 'node:path';
import { OutriderError, type Problem } from '@outrider/shared/errors.ts';
import { type JoinTokenParts, parseJoinToken } from '@outrider/shared/protocol/join-token.ts';
import { DELEGATE_SLOTS, TAGS_MAX } from '@outrider/shared/protocol/timings.ts';
import type { TransportMode } from './transport-choice.ts';

/** What the delegate is told by its environment (contract.md §2), checked. */
export interface DelegateConfig {
  readonly controlPlane: Address;
  /** Plaintext on loopback; no token is needed. */
  readonly insecure: boolean;
  readonly joinToken: (JoinTokenParts & { readonly text: string }) | null;
  readonly name: string;
  readonly tags: readonly string[];
  /** Journal, spools and credential lie below it, in a folder of this delegate's name. */
  readonly dataDir: string;
  readonly slots: number;
  readonly pollMinMs: number;
  readonly pollMaxMs: number;
  /** Where this delegate is: shown to operators. */
  readonly region: string;
  readonly logLevel: string;
  /** Left out: `auto`. */
  readonly transport?: TransportMode;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

const NAME = /^[A-Za-z0-9][A-Za-z0-9 _.-]{0,127}$/;
const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];
/** Reads OUTRIDER_* variables. All that is wrong is told at once, as one `configuration-invalid`. */
export function delegateConfig(environment: Environment): DelegateConfig {
  const problems: Problem[] = [];
  const problem = (message: string, hint: string) => {
    problems.push({ message, hint });
  };
  const read = (name: string) => environment[name]?.trim() || undefined;
  const insecure = readFlag(read('OUTRIDER_INSECURE'), problem);
  const controlPlane = readControlPlane(read('OUTRIDER_CONTROL_PLANE'), insecure, problem);
  const [pollMinMs, pollMaxMs] = readPolling(read('OUTRIDER_POLL_MIN_MS'), read('OUTRIDER_POLL_MAX_MS'), problem);
  const method = read('OUTRIDER_JOIN_METHOD');
  if (method !== undefined && method !== 'token') {
    problem(`OUTRIDER_JOIN_METHOD is "${method}", and only "token" is known`, 'Leave it out.');
  }
  const config: DelegateConfig = {
    controlPlane,
    insecure,
    joinToken: insecure ? null : readToken(read('OUTRIDER_JOIN_TOKEN'), problem),
    name: readName(read('OUTRIDER_DELEGATE_NAME'), problem),
    tags: readTags(read('OUTRIDER_DELEGATE_TAGS'), problem),
    dataDir: path.resolve(read('OUTRIDER_DATA_DIR') ?? '.outrider'),
    slots: DELEGATE_SLOTS,
    pollMinMs,
    pollMaxMs,
    region: read('AWS_REGION') ?? read('AWS_DEFAULT_REGION') ?? '',
    logLevel: readLogLevel(read('OUTRIDER_LOG_LEVEL'), problem),
    transport: readTransport(read('OUTRIDER_TRANSPORT'), problem),
  };
  if (problems.length === 0) return config;
  const message = problems.map((each) => each.message).join('; ');
  throw new OutriderError('configuration-invalid', message, { problems, hint: problems[0]?.hint ?? '' });
}

/** Reads `HOST:PORT` or `[V6]:PORT`. */
export function parseAddress(text: string): Address | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9_.-]+)):([0-9]{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port };
}

export function formatAddress({ host, port }: Address): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

type Tell = (message: string, hint: string) => void;

function readFlag(text: string | undefined, problem: Tell): boolean {
  if (text !== undefined && text !== '1' && text !== '0') {
    problem(`OUTRIDER_INSECURE is "${text}"`, 'Set it to 1, or leave it out.');
  }
  return text === '1';
}

function readControlPlane(text: string | undefined, insecure: boolean, problem: Tell): Address {
  const nowhere = { host: '', port: 0 };
  if (text === undefined) {
    problem('OUTRIDER_CONTROL_PLANE is missing', 'Set it to the HOST:PORT on which the control plane takes delegates.');
    return nowhere;
  }
  const address = parseAddress(text);
  if (address === undefined) {
    problem(`OUTRIDER_CONTROL_PLANE is "${text}", which is not HOST:PORT`, 'Write it like outrider.example.com:8801.');
    return nowhere;
  }
  if (insecure && !isLoopback(address.host)) {
    problem(
      `OUTRIDER_INSECURE=1 sends everything in plaintext, and ${address.host} is not this machine`,
      'Leave OUTRIDER_INSECURE out and give OUTRIDER_JOIN_TOKEN.',
    );
  }
  return address;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.[0-9]+\.[0-9]+\.[0-9]+$/.test(host);
}

function readToken(text: string | undefined, problem: Tell): DelegateConfig['joinToken'] {
  if (text === undefined) return null;
  const parts = parseJoinToken(text);
  if (parts === undefined || parts.caFingerprint === null) {
    problem(
      parts === undefined
        ? 'OUTRIDER_JOIN_TOKEN is not a join token'
        : 'OUTRIDER_JOIN_TOKEN lacks its last part, the fingerprint of the control plane',
      'Copy it whole from `outrider tokens create`: ojt_ID_SECRET.FINGERPRINT.',
    );
    return null;
  }
  return { ...parts, text };
}

function readName(text: string | undefined, problem: Tell): string {
  const name = text ?? hostname();
  if (!NAME.test(name)) {
    problem(
      `the delegate name "${name}" is not usable`,
      'Set OUTRIDER_DELEGATE_NAME to 1–128 letters, digits, spaces, "_", "." and "-" that begin with a letter or digit.',
    );
  }
  return name;
}

function readTags(text: string | undefined, problem: Tell): readonly string[] {
  const tags = (text ?? '')
    .split(',')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '');
  if (tags.length > TAGS_MAX || tags.some((tag) => tag.length > 128)) {
    problem('OUTRIDER_DELEGATE_TAGS is too long', `Give at most ${TAGS_MAX} tags of at most 128 characters.`);
  }
  return [...new Set(tags)];
}

function readPolling(min: string | undefined, max: string | undefined, problem: Tell): [number, number] {
  const milliseconds = (name: string, text: string | undefined, fallback: number) => {
    const value = text === undefined ? fallback : Number(text);
    if (Number.isInteger(value) && value >= 10 && value <= 600_000) return value;
    problem(`${name} is "${text}"`, 'Give whole milliseconds from 10 to 600000.');
    return fallback;
  };
  const pollMinMs = milliseconds('OUTRIDER_POLL_MIN_MS', min, 1_000);
  const pollMaxMs = milliseconds('OUTRIDER_POLL_MAX_MS', max, Math.max(10_000, pollMinMs));
  if (pollMaxMs < pollMinMs) {
    problem('OUTRIDER_POLL_MAX_MS is below OUTRIDER_POLL_MIN_MS', 'Raise the one or lower the other.');
  }
  return [pollMinMs, pollMaxMs];
}

function readLogLevel(text: string | undefined, problem: Tell): string {
  if (text === undefined) return 'info';
  if (!LOG_LEVELS.includes(text)) problem(`OUTRIDER_LOG_LEVEL is "${text}"`, `Use one of ${LOG_LEVELS.join(', ')}.`);
  return text;
}

function readTransport(text: string | undefined, problem: Tell): TransportMode {
  if (text === undefined || text === 'auto' || text === 'stream' || text === 'poll') return text ?? 'auto';
  problem(`OUTRIDER_TRANSPORT is "${text}"`, 'Use auto, stream or poll, or leave it out.');
  return 'auto';
}
