import { SCRIPT_OUTPUT_MAX_BYTES } from '@outrider/shared/steps/shell-script.ts';
import { type StepHandler, StepStopped } from './contract.ts';
import { failure } from './failures.ts';

/** Lines of its error output that a failure shows. */
const LAST_LINES = 10;

/**
 * Runs a script, once. What it does is not known, so that a run that was cut off is not begun again: the process group went
 * with the delegate that had it, and how far it had come nobody can tell.
 */
export const shellScript: StepHandler<'shell-script'> = async (input, ctx) => {
  if (ctx.resumed.started === true) throw cutOff();
  await ctx.checkpoint({ started: true });
  ctx.log('Executing command ...');
  const { script, environment, workingDirectory, outputVariables } = input.with;
  const lastErrors: string[] = [];
  const end = await ctx.host.scripts
    .run(
      {
        text: script,
        environment,
        workingDirectory,
        variables: outputVariables,
        variablesLimitBytes: SCRIPT_OUTPUT_MAX_BYTES,
        onLine(stream, text) {
          ctx.log(text, stream === 'stderr' ? 'ERROR' : 'INFO');
          if (stream === 'stderr') lastErrors.splice(0, Math.max(0, lastErrors.push(text) - LAST_LINES));
        },
      },
      ctx.stop,
    )
    .catch((error: unknown) => {
      if (error instanceof StepStopped) ctx.log(stoppedLine(error), 'ERROR');
      throw error;
    });
  if (end.kind === 'failed') throw failure('script-failed', `The script could not be run: ${end.why}`);
  if (end.exitCode !== 0) {
    ctx.log(`CommandExecution failed with exit code: (${end.exitCode})`, 'ERROR');
    throw failure('script-failed', `The script ended with exit code ${end.exitCode}`, { evidence: lastErrors });
  }
  if (end.tooLarge) {
    const message = `The output variables of the script have more than ${SCRIPT_OUTPUT_MAX_BYTES} bytes`;
    throw failure('script-failed', message, { hint: 'Put what is large into a file, and give its place.' });
  }
  const variables = Object.entries(end.variables);
  if (variables.length > 0) ctx.log('Script Output: ');
  for (const [name, value] of variables) ctx.log(`${name}=${value}`);
  const empty = variables.filter(([, value]) => value === '').map(([name]) => name);
  if (empty.length > 0) {
    ctx.log(`Warning: following variables have resolved to empty values: ${empty.join(', ')}`, 'WARN');
    ctx.log('Check if these are assigned correctly in the script.', 'WARN');
  }
  ctx.log(`Command completed with ExitCode (${end.exitCode})`);
  return { exitCode: end.exitCode, outputVariables: end.variables };
};

function stoppedLine({ reason }: StepStopped): string {
  return reason === 'timed-out'
    ? 'Script execution timed out'
    : 'Script execution interrupted, possibly due to a timeout or pipeline abort.';
}

function cutOff(): Error {
  return failure('delegate-lost', 'The delegate ended in the middle of the script, and the script with it', {
    hint: 'See what it did, then run what is left to do.',
    evidence: ['A script is not begun again: whether doing it twice is as good as once is not known'],
  });
}
