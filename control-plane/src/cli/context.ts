import { readFileSync } from 'node:fs';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { OutriderError } from '@outrider/shared/errors.ts';
import { type ApiClient, createClient } from './client.ts';
import type { CliIo, Output } from './io.ts';
import { createPalette, type Palette, speaksUnicode } from './render/palette.ts';

/** Where the command line looks for the control plane when nobody says. */
export const DEFAULT_URL = 'http://127.0.0.1:8800';

/** What every command gets. */
export interface CliContext {
  readonly io: CliIo;
  readonly json: boolean;
  readonly noColour: boolean;
  /** @throws configuration-invalid */
  client(): ApiClient;
  palette(output: Output): Palette;
}

export interface CommonOptions {
  readonly json?: boolean | undefined;
  readonly url?: string | undefined;
  readonly color?: boolean | undefined;
}

export function createContext(io: CliIo, options: CommonOptions): CliContext {
  const noColour = options.color === false;
  let client: ApiClient | undefined;
  return {
    io,
    json: options.json === true,
    noColour,
    client() {
      client ??= makeClient(io.env, options.url);
      return client;
    },
    palette(output) {
      return createPalette({ colour: !noColour && hasColour(output, io.env), unicode: speaksUnicode(io.env) });
    },
  };
}

function makeClient(env: CliIo['env'], given: string | undefined): ApiClient {
  const url = given ?? nonEmpty(env['OUTRIDER_URL']) ?? DEFAULT_URL;
  if (!/^https?:\/\/[^\s/?#]+(\/[^\s?#]*)?$/.test(url)) {
    const source = given === undefined ? 'OUTRIDER_URL' : '--url';
    throw new OutriderError('configuration-invalid', `${source} (${JSON.stringify(url)}) is not an address`, {
      hint: `Write it like ${DEFAULT_URL}.`,
    });
  }
  trustFile(nonEmpty(env['OUTRIDER_CA_FILE']));
  return createClient(url, apiKeyOf(env));
}

/** Never shown, also not when it cannot be a key: a character too many does not make it less of a secret. */
function apiKeyOf(env: CliIo['env']): string | undefined {
  const key = nonEmpty(env['OUTRIDER_API_KEY']?.trim());
  if (key === undefined || /^[!-~]+$/.test(key)) return key;
  throw new OutriderError('configuration-invalid', 'OUTRIDER_API_KEY holds a character that no key has', {
    hint: 'Set it to the key alone, as `outrider keys create` printed it.',
  });
}

/** Adds the authority of the control plane to those that this process trusts. */
function trustFile(file: string | undefined): void {
  if (file === undefined) return;
  try {
    setDefaultCACertificates([...getCACertificates('default'), readFileSync(file, 'utf8')]);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new OutriderError('configuration-invalid', `OUTRIDER_CA_FILE cannot be used: ${why}`, {
      hint: 'It is the path of a PEM file with certificates.',
      cause,
    });
  }
}

/** A terminal, unless NO_COLOR; anything else only with FORCE_COLOR or CLICOLOR_FORCE. */
function hasColour(output: Output, env: CliIo['env']): boolean {
  if (nonEmpty(env['NO_COLOR']) !== undefined) return false;
  const forced = nonEmpty(env['FORCE_COLOR']) ?? nonEmpty(env['CLICOLOR_FORCE']);
  if (forced !== undefined && forced !== '0') return true;
  return output.isTerminal && env['TERM'] !== 'dumb';
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === undefined || value === '' ? undefined : value;
}
