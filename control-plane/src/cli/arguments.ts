import { DEFAULT_APPLICATION } from '@outrider/shared/model/common.ts';
import { KINDS, type Kind } from '@outrider/shared/model/resource.ts';
import { NAME_PATTERN } from '@outrider/shared/names.ts';
import { InvalidArgumentError } from 'commander';

/** What is written on the command line, read. A throw is a usage error: commander prints it and the exit code is 2. */

export interface ResourceName {
  readonly application: string | undefined;
  readonly name: string;
}

/** `NAME` or `APPLICATION/NAME`. */
export function parseResourceName(text: string): ResourceName {
  const [first, second, ...rest] = text.split('/');
  if (first === undefined || rest.length > 0) throw new InvalidArgumentError('It is NAME or APPLICATION/NAME.');
  for (const part of second === undefined ? [first] : [first, second]) {
    if (!NAME_PATTERN.test(part)) {
      throw new InvalidArgumentError(
        'A name has 1 to 128 letters, digits, spaces and _ . -; write NAME or APPLICATION/NAME.',
      );
    }
  }
  return second === undefined ? { application: undefined, name: first } : { application: first, name: second };
}

export function nameText({ application, name }: { readonly application: string; readonly name: string }): string {
  return application === DEFAULT_APPLICATION ? name : `${application}/${name}`;
}

/** A kind of resource by any of its usual spellings, and the collection that it is in. */
export interface KindChoice {
  readonly kind: Kind;
  readonly collection: string;
}

const SHORT_KINDS: Readonly<Record<string, Kind>> = {
  svc: 'Service',
  env: 'Environment',
  infra: 'Infrastructure',
  wf: 'Workflow',
};

export function parseKind(text: string): KindChoice {
  const lower = text.toLowerCase();
  const kind = SHORT_KINDS[lower] ?? KINDS.find((known) => [known.toLowerCase(), collectionOf(known)].includes(lower));
  if (kind === undefined)
    throw new InvalidArgumentError(`It is one of ${KINDS.map((known) => known.toLowerCase()).join(', ')}.`);
  return { kind, collection: collectionOf(kind) };
}

function collectionOf(kind: Kind): string {
  return `${kind.toLowerCase()}s`;
}

/** `SERVICE=IMAGE`, split at the first `=`; collects repeated flags. */
export function collectArtifact(text: string, before: Readonly<Record<string, string>>): Record<string, string> {
  return collectPair(text, before, 'SERVICE=IMAGE');
}

/** `NAME=VALUE`, split at the first `=`; the value may be empty. */
export function collectVariable(text: string, before: Readonly<Record<string, string>>): Record<string, string> {
  return collectPair(text, before, 'NAME=VALUE');
}

function collectPair(text: string, before: Readonly<Record<string, string>>, form: string): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError(`It is ${form}.`);
  const name = text.slice(0, at);
  if (Object.hasOwn(before, name)) throw new InvalidArgumentError(`${name} was given before.`);
  return { ...before, [name]: text.slice(at + 1) };
}

export function collectText(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** The longest that a timer can wait. */
const LONGEST_WAIT_MS = 2_147_483_647;

/** `90s`, `30m`, `1h30m`, `7d` → milliseconds. */
export function parseDuration(text: string): number {
  const parts = [...text.matchAll(/([0-9]{1,9})(ms|s|m|h|d)/g)];
  const whole = parts.map(([part]) => part).join('');
  const total = parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNIT_MS[unit ?? ''] ?? 0), 0);
  if (parts.length === 0 || whole !== text || total <= 0)
    throw new InvalidArgumentError('It is a time such as 90s, 30m or 1h30m.');
  return total;
}

/** A time to wait in this process. */
export function parseWait(text: string): number {
  const total = parseDuration(text);
  if (total > LONGEST_WAIT_MS) throw new InvalidArgumentError('It is at most 24d.');
  return total;
}

export function parseCount(text: string): number {
  if (!/^[1-9][0-9]{0,5}$/.test(text)) throw new InvalidArgumentError('It is a whole number from 1.');
  return Number(text);
}
