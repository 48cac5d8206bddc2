import { ERRORS, OutriderError } from '@outrider/shared/errors.ts';
import { runDelegateProcess } from './process.ts';

export { type DelegateConfig, delegateConfig } from './agent/config.ts';
export { type DelegateHandle, type DelegateOverrides, startDelegate } from './delegate.ts';
export { runDelegateProcess } from './process.ts';

/** What is bundled for the container: this file is its entry. */
if (import.meta.main) process.exit(await runAndTell());

async function runAndTell(): Promise<number> {
  try {
    return await runDelegateProcess();
  } catch (thrown) {
    const { code, message, hint } = OutriderError.from(thrown);
    process.stderr.write(`${message}\n${hint}\n`);
    return ERRORS[code].exitCode;
  }
}
