import { StepStopped, type StopReason } from './contract.ts';

const REASONS: ReadonlySet<unknown> = new Set<StopReason>([
  'aborted',
  'timed-out',
  'rolling-back',
  'draining',
  'lease-lost',
]);

/** What to throw once the step's signal has fired. A signal with a foreign reason counts as an abort. */
export function stoppedBy(signal: AbortSignal): StepStopped {
  const reason: unknown = signal.reason;
  return new StepStopped(isStopReason(reason) ? reason : 'aborted');
}

export function throwIfStopped(signal: AbortSignal): void {
  if (signal.aborted) throw stoppedBy(signal);
}

function isStopReason(value: unknown): value is StopReason {
  return REASONS.has(value);
}
