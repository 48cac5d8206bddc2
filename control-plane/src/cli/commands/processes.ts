import { InvalidArgumentError, Option } from 'commander';
import type { AddCommand } from '../command.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import type { CliIo } from '../io.ts';
import type { StoreFiles } from './backup.ts';

/**
 * What starts long-running parts. The composition root provides them, so that the command line itself imports neither
 * store nor gRPC nor delegate. Each runs until it is told to stop and answers the exit code.
 */
export interface Starters {
  dev(options: DevOptions, io: CliIo): Promise<number>;
  controlPlane(io: CliIo): Promise<number>;
  delegate(io: CliIo): Promise<number>;
  simulator(options: SimulatorOptions, io: CliIo): Promise<number>;
  readonly storeFiles: StoreFiles;
}

export interface DevOptions {
  readonly data?: string;
  readonly memory?: boolean;
  readonly http: string;
  readonly grpc: string;
  readonly aws: string;
  readonly speed?: number;
  readonly open?: boolean;
}

export interface SimulatorOptions {
  readonly port?: number;
  readonly speed?: number;
  readonly seed?: number;
}

function parsePort(text: string): number {
  const port = Number(text);
  if (/^[0-9]{1,5}$/.test(text) && port <= 65_535) return port;
  throw new InvalidArgumentError('It is a port from 0 to 65535.');
}

function parseSpeed(text: string): number {
  const speed = Number(text);
  if (Number.isFinite(speed) && speed > 0 && speed <= 10_000) return speed;
  throw new InvalidArgumentError('It is a number above 0 and at most 10000.');
}

function parseSeed(text: string): number {
  if (/^[0-9]{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It is a whole number.');
}

export function addProcesses(add: AddCommand, starters: Starters): void {
  add<[], DevOptions>({
    name: 'dev',
    summary: 'all of it on this machine: control plane, delegate and a simulated AWS',
    description:
      'Nothing touches the real AWS unless you say --aws real. What it keeps lies in .outrider, the simulated world included;\n' +
      'with --memory nothing is kept.',
    examples: ['outrider dev', 'outrider dev --memory --speed 20', 'outrider dev --aws real --data ./state'],
    options: [
      new Option('--data <directory>', 'where everything is kept').default('.outrider'),
      new Option('--memory', 'keep nothing').conflicts('data'),
      new Option('--http <host:port>', 'address of API and page').default('127.0.0.1:8800'),
      new Option('--grpc <host:port>', 'address for delegates').default('127.0.0.1:8801'),
      new Option('--aws <which>', 'where deployments go').choices(['simulated', 'real']).default('simulated'),
      new Option('--speed <factor>', 'simulated seconds in a real one').argParser(parseSpeed),
      new Option('--open', 'open the page in a browser'),
    ],
    run: async ({ io }, _args, options) => exitCode(await starters.dev(options, io)),
  });
  add<[], object>({
    name: 'control-plane',
    summary: 'run the control plane, configured by OUTRIDER_* (outrider help environment)',
    examples: ['OUTRIDER_HTTP_ADDR=0.0.0.0:8800 OUTRIDER_GRPC_ADDR=0.0.0.0:8801 outrider control-plane'],
    run: async ({ io }) => exitCode(await starters.controlPlane(io)),
  });
  add<[], object>({
    name: 'delegate',
    summary: 'run a delegate, configured by OUTRIDER_* and AWS_*',
    examples: ['OUTRIDER_CONTROL_PLANE=outrider.example:8801 OUTRIDER_JOIN_TOKEN=ojt_… outrider delegate'],
    run: async ({ io }) => exitCode(await starters.delegate(io)),
  });
  add<[], SimulatorOptions>({
    name: 'simulator',
    summary: 'run the simulated AWS alone and print its URL',
    examples: ['outrider simulator --port 4566 --speed 10'],
    options: [
      new Option('--port <port>', 'port of the AWS endpoint; 0: any free one').argParser(parsePort),
      new Option('--speed <factor>', 'simulated seconds in a real one').argParser(parseSpeed),
      new Option('--seed <number>', 'decides every id and delay').argParser(parseSeed),
    ],
    run: async ({ io }, _args, options) => exitCode(await starters.simulator(options, io)),
  });
}

function exitCode(code: number): ExitCode {
  return Object.values(EXIT).find((known) => known === code) ?? EXIT.failed;
}
