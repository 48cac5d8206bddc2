const USAGE = 'usage: outrider COMMAND [ARGUMENTS…]\n';

/** Runs one `outrider` command and answers its exit code. This is the composition root: the only place that may see every workspace. */
export async function main(_argv: readonly string[]): Promise<number> {
  process.stderr.write(USAGE);
  return 2;
}
