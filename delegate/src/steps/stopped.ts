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

/** The last line of a run that was told to stop. */
export function stoppedText(reason: StopReason): string {
  return STOPPED[reason];
}

const STOPPED: Readonly<Record<StopReason, string>> = {
  aborted: 'Stopped: the execution was aborted. This step changes nothing more.',
  'timed-out': 'Stopped: the step took longer than its timeout. This step changes nothing more.',
  'rolling-back': 'Stopped: the execution is being rolled back. This step changes nothing more.',
  draining: 'Stopped here: this delegate is shutting down. The step goes on elsewhere.',
  'lease-lost':
    'Stopped here: the control plane cannot be reached, so that nothing more is changed from this delegate.',
};

function isStopReason(value: unknown): value is StopReason {
  return REASONS.has(value);
}
