import { flushCompileCache } from 'node:module';
import { OutriderError } from '@outrider/shared/errors.ts';
import pino from 'pino';
import { showAlive } from './agent/alive.ts';
import { delegateConfig } from './agent/config.ts';
import { type DelegateHandle, startDelegate } from './delegate.ts';

/**
 * A delegate as a process of its own, configured by OUTRIDER_* and AWS_* variables: runs until SIGTERM or SIGINT and answers the
 * exit code. A second signal ends it at once.
 */
export async function runDelegateProcess(environment: NodeJS.ProcessEnv = process.env): Promise<number> {
  const ended = Promise.withResolvers<number>();
  const joining = new AbortController();
  let delegate: DelegateHandle | undefined;
  let signals = 0;
  let alive: { stop(): void } | undefined;
  const onSignal = () => {
    signals += 1;
    // Whatever still waits to join would keep the process alive.
    joining.abort();
    if (signals > 1 || delegate === undefined) ended.resolve(signals > 1 ? 1 : 0);
    else void delegate.stop().then(() => ended.resolve(0));
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  try {
    const config = delegateConfig(environment);
    alive = showAlive(config.dataDir);
    const logger = pino({ level: config.logLevel, base: { delegate: config.name } }, pino.destination(2));
    const onFatal = () => ended.resolve(1);
    void startDelegate(config, { logger, environment, onFatal, signal: joining.signal }).then(
      (started) => {
        delegate = started;
        if (joining.signal.aborted) return void started.kill();
        // A process that is ended by a signal never writes Node's compile cache by itself.
        flushCompileCache();
      },
      (thrown: unknown) => ended.reject(OutriderError.from(thrown)),
    );
    return await ended.promise;
  } finally {
    alive?.stop();
    process.off('SIGTERM', onSignal);
    process.off('SIGINT', onSignal);
  }
}
