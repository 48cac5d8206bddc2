import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { bundleDelegate } from '../../delegate/build.ts';

const ENTRY = fileURLToPath(new URL('../../delegate/src/main.ts', import.meta.url));
/** What a delegate said to its operator, at most. */
const OUTPUT_LIMIT_CHARS = 20_000;

/** The delegate as it ships, bundled once for many processes; its compile cache grows beside it. */
export interface Bundle {
  readonly main: string;
  readonly compileCache: string;
  remove(): void;
}

export async function bundle(): Promise<Bundle> {
  const directory = mkdtempSync(path.join(tmpdir(), 'outrider-sweep-bundle-'));
  const output = path.join(directory, 'delegate');
  const compileCache = path.join(directory, 'cache');
  await bundleDelegate({ entry: ENTRY, output });
  await fillCompileCache(output, compileCache);
  return {
    main: path.join(output, 'main.mjs'),
    compileCache,
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** A process that is killed never writes what it compiled: one that ends by itself does it for all of them. */
async function fillCompileCache(output: string, compileCache: string): Promise<void> {
  const modules = readdirSync(output, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.mjs'));
  const script = modules
    .map((file) => `import ${JSON.stringify(pathToFileURL(path.join(output, file)).href)};`)
    .join('\n');
  const env = { PATH: process.env['PATH'] ?? '', HOME: output, NODE_COMPILE_CACHE: compileCache };
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], { env, stdio: 'inherit' });
  await once(child, 'exit');
}

/** One delegate process. Its data directory outlives it. */
export interface DelegateProcess {
  readonly name: string;
  readonly dataDirectory: string;
  /** What it has written to its error output, at most the last of it. */
  said(): string;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
}

export interface DelegateAddresses {
  readonly controlPlanePort: number;
  readonly awsUrl: string;
  readonly agentPort: number;
}

export function startDelegateProcess(
  { main, compileCache }: Bundle,
  who: { readonly name: string; readonly dataDirectory: string },
  addresses: DelegateAddresses,
): DelegateProcess {
  const child = spawn(process.execPath, [main], {
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: who.dataDirectory,
      NODE_COMPILE_CACHE: compileCache,
      OUTRIDER_INSECURE: '1',
      OUTRIDER_CONTROL_PLANE: `127.0.0.1:${addresses.controlPlanePort}`,
      OUTRIDER_DELEGATE_NAME: who.name,
      OUTRIDER_DATA_DIR: who.dataDirectory,
      OUTRIDER_POLL_MIN_MS: '10',
      OUTRIDER_POLL_MAX_MS: '10',
      OUTRIDER_LOG_LEVEL: 'warn',
      OUTRIDER_ECS_AGENT_PORT: String(addresses.agentPort),
      AWS_ENDPOINT_URL: addresses.awsUrl,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'AKIASIMULATOR0000001',
      AWS_SECRET_ACCESS_KEY: 'simulated',
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-OUTPUT_LIMIT_CHARS);
  });
  const gone = once(child, 'exit');
  return {
    ...who,
    said: () => said,
    async kill() {
      if (isAlive(child)) child.kill('SIGKILL');
      await gone;
    },
  };
}

function isAlive(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

/** Log lines that lie in the spools of a delegate that is dead, as text; a last line that was torn is left out. */
export function spooledText(dataDirectory: string): string {
  const files = readdirSync(dataDirectory, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.log'),
  );
  const text = files.map((file) => readFileSync(path.join(dataDirectory, file), 'utf8')).join('');
  return text.slice(0, text.lastIndexOf('\n') + 1);
}
