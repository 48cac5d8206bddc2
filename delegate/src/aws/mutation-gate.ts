/**
 * Asked before every call that changes AWS. Given by the agent, which knows the lease.
 *
 * `permit` resolves when the lease can be shown to hold for another `callMs` milliseconds, waiting for a renewal when it
 * must; otherwise it throws `StepStopped('lease-lost')`. The call that follows ends within `callMs`, so that nothing is
 * changed after another delegate may have taken over.
 */
export interface MutationGate {
  permit(callMs: number): Promise<void>;
  /** Whether it still is so at this moment. Asked again when the request is signed and about to leave. */
  holds(callMs: number): boolean;
}
