import type { Host } from '@outrider/delegate/host/ports.ts';

/** A machine that reaches nobody and starts nothing: for steps that need neither. */
export const NO_HOST: Host = {
  http: { send: async () => ({ kind: 'failed', why: 'there is no network' }), matches: () => undefined },
  scripts: { run: async () => ({ kind: 'failed', why: 'there is no bash' }) },
};
