import { ERRORS, OutriderError } from '@outrider/shared/errors.ts';
import packageJson from '../package.json' with { type: 'json' };
import { runDelegateProcess } from './process.ts';

export { type DelegateConfig, delegateConfig } from './agent/config.ts';
export { type DelegateHandle, type DelegateOverrides, startDelegate } from './delegate.ts';
export { runDelegateProcess } from './process.ts';

/** What is bundled for the container: this file is its entry. */
if (import.meta.main) process.exit(await runAndTell(process.argv.slice(2)));

async function runAndTell(argv: readonly string[]): Promise<number> {
  if (argv[0] === '--version') {
    process.stdout.write(`${packageJson.version}\n`);
    return 0;
  }
  try {
    return await runDelegateProcess();
  } catch (thrown) {
    const { code, message, hint } = OutriderError.from(thrown);
    process.stderr.write(`${message}\n${hint}\n`);
    return ERRORS[code].exitCode;
  }
}
