import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Bench } from './bench.ts';
import { bundle } from './delegate-process.ts';
import { MATRIX_FILE, matrixText } from './matrix.ts';
import { everyPlace, setScene, storiesByType } from './stories.ts';
import { complaints, type Swept, sweep } from './sweep.ts';

const TOLD_EVERY = 100;

/**
 * `npm run sweep`: every step, every call, every point, either recovery; writes docs/reliability-matrix.md. With
 * `--story TEXT` only the stories whose name has that text, and nothing is written. `--benches N`: so many runs at a time.
 * Answers 0 only if no run left anything different.
 */
export async function main(argv: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: { story: { type: 'string' }, benches: { type: 'string' } },
  });
  const names = [...storiesByType().values()].flat().filter((name) => name.includes(values.story ?? ''));
  const benches = Math.max(1, Number(values.benches ?? availableParallelism() + 1) || 1);
  const started = performance.now();
  const done = await sweepAll(names, benches);
  const cases = done.flatMap((swept) => swept.results);
  const wrong = done.flatMap(complaints).length;
  const seconds = (performance.now() - started) / 1000;
  const each = ((seconds * 1000) / Math.max(cases.length, 1)).toFixed(0);
  console.log(
    `${cases.length} runs with a kill in ${seconds.toFixed(0)} s (${each} ms each), ${wrong} left a difference`,
  );
  if (values.story === undefined) {
    writeFileSync(MATRIX_FILE, matrixText(done));
    console.log(`${MATRIX_FILE} is written`);
  }
  return wrong === 0 ? 0 : 1;
}

async function sweepAll(names: readonly string[], benches: number): Promise<Swept[]> {
  const delegate = await bundle();
  const done = new Map<string, Swept>();
  let runs = 0;
  const ran = () => {
    runs += 1;
    if (runs % TOLD_EVERY === 0) console.log(`      ${runs} runs`);
  };
  const waiting = [...names];
  const work = async () => {
    const bench = await Bench.start(delegate);
    try {
      for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
        const swept = await sweep(bench, await setScene(name), everyPlace, ran);
        done.set(name, swept);
        const wrong = complaints(swept);
        console.log(`${wrong.length === 0 ? 'ok   ' : 'WRONG'} ${swept.results.length} runs: ${swept.type}: ${name}`);
        for (const complaint of wrong) console.log(complaint);
      }
    } finally {
      await bench.close();
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(benches, names.length) }, work));
  } finally {
    delegate.remove();
  }
  return names.flatMap((name) => done.get(name) ?? []);
}
