/**
 * Identifiers. Executions sort by the time they were made; steps and tasks are named by their place, so that the same
 * step has the same name at the control plane, on the wire, in AWS tags and in a log.
 */

/** `exe_` and 26 characters of Crockford's base 32: 48 bits of time, 80 of chance. */
export type ExecutionId = string;
/** Place in the plan: `p2.1` is the first step of phase 2, `r2.1` the first step of its rollback phase. */
export type StepId = string;
/** One attempt of one step: `EXECUTION/STEP/ATTEMPT`. */
export type TaskId = string;

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** Milliseconds since 1970 and ten random bytes → 26 characters that sort by time. */
export function sortableId(prefix: string, atMs: number, random: Uint8Array): string {
  let time = '';
  let rest = atMs;
  for (let index = 0; index < 10; index++) {
    time = `${ALPHABET[rest % 32]}${time}`;
    rest = Math.floor(rest / 32);
  }
  let chance = '';
  let bits = 0;
  let value = 0;
  for (const byte of random.slice(0, 10)) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      chance += ALPHABET[(value >> bits) & 31];
    }
    value &= (1 << bits) - 1;
  }
  return `${prefix}_${time}${chance}`;
}

export function taskId(executionId: ExecutionId, stepId: StepId, attempt: number): TaskId {
  return `${executionId}/${stepId}/${attempt}`;
}

/** The parts of a task id, or undefined when it is none. */
export function parseTaskId(id: TaskId): { executionId: ExecutionId; stepId: StepId; attempt: number } | undefined {
  const match = /^(exe_[0-9A-Z]{26})\/([pr][0-9]+\.[0-9]+)\/([0-9]+)$/.exec(id);
  const [, executionId, stepId, attempt] = match ?? [];
  if (executionId === undefined || stepId === undefined || attempt === undefined) return undefined;
  return { executionId, stepId, attempt: Number(attempt) };
}
