import { clientEnvironment, SAMPLE_ACCOUNT, SAMPLE_CLUSTERS, SAMPLE_REGION } from './sample-world.ts';
import { type Simulator, startSimulator } from './start.ts';

export interface SimulatorCommandOptions {
  readonly port?: number;
  readonly speed?: number;
  readonly seed?: number;
  /** File the world is kept in. */
  readonly data?: string;
  /** Where the lines go; standard output when left out. */
  readonly print?: (line: string) => void;
}

/** `outrider simulator`: starts the sample world, prints how to reach it, and runs until the returned simulator is closed. */
export async function runSimulatorCommand(options: SimulatorCommandOptions = {}): Promise<Simulator> {
  const print = options.print ?? ((line: string) => process.stdout.write(`${line}\n`));
  const simulator = await startSimulator({
    region: SAMPLE_REGION,
    accountId: SAMPLE_ACCOUNT,
    clusters: SAMPLE_CLUSTERS,
    ...(options.port === undefined ? {} : { port: options.port }),
    ...(options.speed === undefined ? {} : { speed: options.speed }),
    ...(options.seed === undefined ? {} : { seed: options.seed }),
    ...(options.data === undefined ? {} : { dataFile: options.data }),
  });
  print(
    `Simulated AWS at ${simulator.url} (region ${SAMPLE_REGION}, account ${SAMPLE_ACCOUNT}); nothing touches the real one.`,
  );
  if (simulator.restored) print(`The world goes on from ${options.data ?? ''}.`);
  print(
    `Clusters: ${SAMPLE_CLUSTERS.map((cluster) => cluster.name).join(', ')}. Control endpoint: ${simulator.url}/_simulator/`,
  );
  if (simulator.unusableAddresses.length > 0) {
    print(
      `No ECS agent endpoint at ${simulator.unusableAddresses.join(', ')}: this machine does not have these addresses.`,
    );
  }
  for (const [name, value] of Object.entries(clientEnvironment(simulator))) print(`export ${name}=${value}`);
  return simulator;
}
