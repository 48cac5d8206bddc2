import { parseArgs } from 'node:util';
import { main as run } from '../run.ts';

/**
 * `npm run fuzz [-- --seed N] [--scale N]`: bad peers on either side of the wire and of the HTTP API, N times as many of
 * them as in the usual check. The same seed gives the same bytes. Answers 0 only if nothing gave in.
 */
export async function main(argv: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      scale: { type: 'string', default: '5' },
    },
  });
  const [seed, scale] = [Number(values.seed), Number(values.scale)];
  if (!Number.isInteger(seed) || !(scale > 0 && scale <= 100)) {
    process.stderr.write('--seed takes a whole number, --scale one from 1 to 100\n');
    return 2;
  }
  process.env['OUTRIDER_FUZZ_SEED'] = String(seed);
  process.env['OUTRIDER_FUZZ_SCALE'] = String(scale);
  process.stdout.write(`--seed ${seed} --scale ${scale}\n`);
  return await run(['test/fuzz', 'test/delegate/agent/bad-control-planes.test.ts']);
}
