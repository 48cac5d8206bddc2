import { isIPv6 } from 'node:net';
import { OutriderError, type Problem } from '@outrider/shared/errors.ts';
import { z } from 'zod';
import { isLoopbackHost } from './http/loopback.ts';
import { type Network, parseNetwork } from './outgoing/addresses.ts';

/** Where a listener binds. Port 0: any free one. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Certificate of both listeners: given files, or one made by the control plane's own CA for these names. */
export type TlsConfig =
  | { readonly kind: 'files'; readonly certFile: string; readonly keyFile: string }
  | { readonly kind: 'own-ca'; readonly publicNames: readonly string[] };

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevelName = (typeof LOG_LEVELS)[number];

/** What the control plane is told by its environment (contract.md §2), checked. */
export interface ControlPlaneConfig {
  readonly http: ListenAddress;
  readonly grpc: ListenAddress;
  /** `memory:`, `sqlite:PATH` or `postgres://…`. */
  readonly store: string;
  readonly dataDir: string;
  /** Plaintext on loopback, no API keys, no join tokens. */
  readonly insecure: boolean;
  readonly tls: TlsConfig;
  /** First admin key; read only while no key exists. */
  readonly bootstrapKey: string | null;
  readonly logLevel: LogLevelName;
  /** Addresses that are not public and that webhooks may be sent to all the same. */
  readonly webhookNetworks: readonly Network[];
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads OUTRIDER_* variables. All that is wrong is told at once, as one `configuration-invalid`. */
export function controlPlaneConfig(environment: Environment): ControlPlaneConfig {
  const parsed = variables.safeParse(withoutEmpty(environment));
  if (!parsed.success) throw invalid(problemsOf(parsed.error, environment));
  const values = parsed.data;
  const config: ControlPlaneConfig = {
    http: values.OUTRIDER_HTTP_ADDR,
    grpc: values.OUTRIDER_GRPC_ADDR,
    store: values.OUTRIDER_STORE,
    dataDir: values.OUTRIDER_DATA_DIR,
    insecure: values.OUTRIDER_INSECURE,
    tls: tlsOf(values.OUTRIDER_TLS_CERT, values.OUTRIDER_TLS_KEY, values.OUTRIDER_PUBLIC_NAMES),
    bootstrapKey: values.OUTRIDER_BOOTSTRAP_KEY ?? null,
    logLevel: values.OUTRIDER_LOG_LEVEL,
    webhookNetworks: values.OUTRIDER_WEBHOOK_NETWORKS,
  };
  const problems = contradictions(config, values);
  if (problems.length > 0) throw invalid(problems);
  return config;
}

/** Reads `H:P`, `[V6]:P` or `:P` as an address to listen on. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9_.-]*)):([0-9]{1,5})$/.exec(text);
  if (match === null) return undefined;
  const [, bracketed, plain, digits] = match;
  const port = Number(digits);
  if (port > 65_535) return undefined;
  if (bracketed !== undefined) return isIPv6(bracketed) ? { host: bracketed, port } : undefined;
  return { host: plain === undefined || plain === '' ? '127.0.0.1' : plain, port };
}

/** `host:port` as it stands in URLs. */
export function formatAddress({ host, port }: ListenAddress): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

const address = (fallback: string) =>
  z
    .string()
    .default(fallback)
    .transform((text, context) => {
      const parsed = parseListenAddress(text);
      if (parsed !== undefined) return parsed;
      context.addIssue({ code: 'custom', message: 'is not HOST:PORT', params: { hint: `Write it like ${fallback}.` } });
      return z.NEVER;
    });

const networks = z
  .string()
  .default('')
  .transform((text, context) => {
    const parts = text.split(',').map((part) => part.trim());
    return parts
      .filter((part) => part !== '')
      .map((part) => {
        const network = parseNetwork(part);
        if (network !== undefined) return network;
        const hint = 'Write networks like 10.0.0.0/8,fd12::/16.';
        context.addIssue({ code: 'custom', message: `names ${part}, which is not a network`, params: { hint } });
        return z.NEVER;
      });
  });

const variables = z.object({
  OUTRIDER_HTTP_ADDR: address('127.0.0.1:8800'),
  OUTRIDER_GRPC_ADDR: address('127.0.0.1:8801'),
  OUTRIDER_STORE: z
    .string()
    .default('sqlite:.outrider/outrider.db')
    .refine((url) => url === 'memory:' || /^sqlite:.+/.test(url) || /^postgres(ql)?:\/\/.+/.test(url), {
      message: 'is not the address of a store',
      params: { hint: 'Use memory:, sqlite:PATH or postgres://USER@HOST/DATABASE.' },
    }),
  OUTRIDER_DATA_DIR: z.string().default('.outrider'),
  OUTRIDER_INSECURE: z
    .enum(['0', '1', 'false', 'true'], { error: 'is neither 0 nor 1' })
    .default('0')
    .transform((value) => value === '1' || value === 'true'),
  OUTRIDER_TLS_CERT: z.string().optional(),
  OUTRIDER_TLS_KEY: z.string().optional(),
  OUTRIDER_PUBLIC_NAMES: z.string().optional(),
  OUTRIDER_BOOTSTRAP_KEY: z
    .string()
    .regex(/^[!-~]{16,512}$/, {
      error: 'is not 16 to 512 printable characters without spaces',
    })
    .optional(),
  OUTRIDER_WEBHOOK_NETWORKS: networks,
  OUTRIDER_LOG_LEVEL: z.enum(LOG_LEVELS, { error: `is none of ${LOG_LEVELS.join(', ')}` }).default('info'),
});
type Values = z.output<typeof variables>;

function withoutEmpty(environment: Environment): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && value !== '') result[name] = value;
  }
  return result;
}

function tlsOf(certFile: string | undefined, keyFile: string | undefined, names: string | undefined): TlsConfig {
  if (certFile !== undefined && keyFile !== undefined) return { kind: 'files', certFile, keyFile };
  const publicNames = (names ?? '').split(',').map((name) => name.trim());
  return { kind: 'own-ca', publicNames: publicNames.filter((name) => name !== '') };
}

/** What cannot hold at the same time. */
function contradictions(config: ControlPlaneConfig, values: Values): Problem[] {
  const problems: Problem[] = [];
  if ((values.OUTRIDER_TLS_CERT === undefined) !== (values.OUTRIDER_TLS_KEY === undefined)) {
    const missing = values.OUTRIDER_TLS_CERT === undefined ? 'OUTRIDER_TLS_CERT' : 'OUTRIDER_TLS_KEY';
    problems.push({ message: `${missing} is missing`, hint: 'Give certificate and key, or neither.' });
  }
  if (!config.insecure) return problems;
  for (const [name, listen] of [
    ['OUTRIDER_HTTP_ADDR', config.http],
    ['OUTRIDER_GRPC_ADDR', config.grpc],
  ] as const) {
    if (isLoopbackHost(listen.host)) continue;
    problems.push({
      message: `OUTRIDER_INSECURE=1 is refused because ${name} (${formatAddress(listen)}) is not a loopback address`,
      hint: `Unset OUTRIDER_INSECURE, or listen on 127.0.0.1:${listen.port}.`,
    });
  }
  return problems;
}

function problemsOf(error: z.ZodError, environment: Environment): Problem[] {
  return error.issues.map((issue) => {
    const name = String(issue.path[0] ?? '');
    const shown = /KEY|TOKEN/.test(name) ? '' : ` (${JSON.stringify(environment[name] ?? '')})`;
    const hint = issue.code === 'custom' ? hintIn(issue.params) : undefined;
    return { message: `${name}${shown} ${issue.message}`, ...(hint === undefined ? {} : { hint }) };
  });
}

function hintIn(params: Readonly<Record<string, unknown>> | undefined): string | undefined {
  const hint = params?.['hint'];
  return typeof hint === 'string' ? hint : undefined;
}

function invalid(problems: readonly Problem[]): OutriderError {
  const first = problems[0];
  const message =
    problems.length === 1 && first !== undefined ? first.message : `${problems.length} variables are wrong`;
  const hint = problems.length === 1 && first?.hint !== undefined ? first.hint : undefined;
  return new OutriderError('configuration-invalid', message, { problems, ...(hint === undefined ? {} : { hint }) });
}
