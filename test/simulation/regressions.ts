import type { Fault, OperatorRequest, Script, VersionRange } from './ports.ts';

/** A history that once showed a defect. It is run at every check: none of them may break an invariant again. */
export interface Regression {
  /** The defect, in a sentence. */
  readonly defect: string;
  readonly script: Script;
}

const OLD: VersionRange = { min: 1, max: 1 };

export const REGRESSIONS: readonly Regression[] = [
  {
    defect: 'a control plane whose clock was set forward withdrew steps whose delegates could still change AWS',
    script: script(40142, ['amber'], {
      requests: [run(20_889, 'rolling-canary')],
      faults: [{ kind: 'jump-clock', atMs: 37_381, host: 'control-plane', byMs: 3_600_000 }],
      calmFromMs: 38_381,
    }),
  },
  {
    defect: 'the log of an aborted step whose delegate was frozen did not say that lines may be missing',
    script: script(1138, ['amber'], {
      requests: [run(2_415, 'fargate-canary'), { kind: 'abort', atMs: 19_348, key: 'run-1', rollback: false }],
      faults: [{ kind: 'freeze-delegate', atMs: 10_156, forMs: 117_395, delegate: 0, monotonicStops: true }],
      calmFromMs: 128_551,
    }),
  },
  {
    defect: 'a control plane that died after it had taken a step away never said so in the log',
    script: script(40273, ['amber'], {
      requests: [run(2_187, 'rolling-canary')],
      faults: [
        { kind: 'freeze-control-plane', atMs: 24_260, forMs: 47_643 },
        {
          kind: 'crash-control-plane-at',
          atMs: 39_645,
          operation: 'getTask',
          nth: 2,
          moment: 'before',
          backAfterMs: 125,
        },
      ],
      calmFromMs: 77_148,
    }),
  },
  {
    defect: 'lines that were lost on a stream that lived were never sent again, and held the step up until its timeout',
    script: script(1080, ['amber'], {
      requests: [run(2_679, 'daemon')],
      faults: [
        {
          kind: 'messages',
          atMs: 40_000,
          forMs: 13_859,
          delegate: 0,
          direction: 'to-control-plane',
          how: 'drop',
          probability: 0.5,
        },
      ],
      calmFromMs: 60_000,
    }),
  },
];

function run(atMs: number, workflow: Extract<OperatorRequest, { kind: 'run' }>['workflow']): OperatorRequest {
  return { kind: 'run', atMs, key: 'run-1', workflow, image: 'registry.example/app:7' };
}

function script(
  seed: number,
  names: readonly string[],
  what: {
    readonly requests: readonly OperatorRequest[];
    readonly faults: readonly Fault[];
    readonly calmFromMs: number;
  },
): Script {
  const delegates = names.map((name) => ({ name, versions: OLD }));
  return { seed, delegates, controlPlaneVersions: OLD, ...what, limitMs: what.calmFromMs + 4 * 3_600_000 };
}
