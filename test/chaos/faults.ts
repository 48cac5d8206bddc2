import type { Chance } from './chance.ts';
import type { Daemon } from './daemon.ts';
import { DELEGATES, type Installation } from './installation.ts';
import type { ChaosProxy, Direction } from './proxy.ts';
import type { Pace } from './timings.ts';

export interface Fault {
  readonly what: string;
  readonly weight: number;
  readonly victims: readonly string[];
  /** How long it may last. */
  readonly lastsMs: readonly [number, number];
  /** False: it did not come about. */
  begin(victim: string, chance: Chance): unknown;
  end(victim: string): void | Promise<void>;
}

/** One kind of harm: how much of it there may be at a time, and how long it rests in between. */
export interface Harm {
  readonly name: string;
  readonly faults: readonly Fault[];
  readonly atOnce: number;
  readonly pauseMs: readonly [number, number];
  /** Changes of AWS that are let happen before the next one: on a slow machine there is less harm in a minute, not less work. */
  readonly changesBetween: number;
}

export function harmsOf(installation: Installation, pace: Pace): readonly Harm[] {
  return [
    {
      name: 'processes',
      faults: processFaults(installation, pace),
      atOnce: 2,
      pauseMs: [500, 3_000],
      changesBetween: 2,
    },
    { name: 'ambushes', faults: ambushes(installation, pace), atOnce: 1, pauseMs: [100, 1_500], changesBetween: 2 },
    {
      name: 'networks',
      faults: networkFaults(installation, pace),
      atOnce: 2,
      pauseMs: [500, 2_500],
      changesBetween: 1,
    },
    { name: 'operators', faults: operatorFaults(installation), atOnce: 1, pauseMs: [500, 4_000], changesBetween: 0 },
    { name: 'requests', faults: requestFaults(installation), atOnce: 1, pauseMs: [300, 2_500], changesBetween: 0 },
    { name: 'AWS', faults: awsFaults(installation), atOnce: 2, pauseMs: [50, 800], changesBetween: 1 },
  ];
}

function processFaults({ controlPlane, delegates }: Installation, pace: Pace): readonly Fault[] {
  const daemonOf = (name: string) =>
    [controlPlane, ...Object.values(delegates)].find((daemon) => daemon.name === name) ?? controlPlane;
  const start = (name: string) => daemonOf(name).start();
  const kill = (name: string) => daemonOf(name).kill();
  const freeze = (name: string) => daemonOf(name).freeze();
  const thaw = (name: string) => daemonOf(name).thaw();
  const leaseAndMore = pace.leaseMs + pace.takeoverMs + 2_000;
  const [center] = [[controlPlane.name]];
  const away = { begin: kill, end: start };
  const frozen = { begin: freeze, end: thaw };
  const told = { begin: (name: string) => daemonOf(name).stop(8_000), end: start };
  return [
    { what: 'kill -9', weight: 5, victims: DELEGATES, lastsMs: [50, 2_500], ...away },
    {
      what: 'kill -9, away for longer than the lease',
      weight: 1.5,
      victims: DELEGATES,
      lastsMs: [pace.leaseMs, leaseAndMore],
      ...away,
    },
    { what: 'kill -9', weight: 5, victims: center, lastsMs: [50, 3_000], ...away },
    { what: 'freeze', weight: 2, victims: DELEGATES, lastsMs: [300, pace.leaseMs], ...frozen },
    {
      what: 'freeze, longer than the lease',
      weight: 1.5,
      victims: DELEGATES,
      lastsMs: [pace.leaseMs, leaseAndMore],
      ...frozen,
    },
    { what: 'freeze', weight: 1, victims: center, lastsMs: [300, pace.leaseMs], ...frozen },
    {
      what: 'freeze, longer than the lease',
      weight: 0.7,
      victims: center,
      lastsMs: [pace.leaseMs, leaseAndMore],
      ...frozen,
    },
    { what: 'SIGTERM', weight: 1.2, victims: DELEGATES, lastsMs: [50, 1_000], ...told },
    { what: 'SIGTERM', weight: 0.6, victims: center, lastsMs: [50, 1_000], ...told },
  ];
}

/** How long one lies in wait. */
const AMBUSH_MS = 3_000;

/** The same at the worst moments: in the middle of a change of AWS. */
function ambushes({ ambush, delegates }: Installation, pace: Pace): readonly Fault[] {
  const delegateOf = (caller: string) => Object.values(delegates).find((daemon) => daemon.name === caller);
  let struck = '';
  const atChange = (act: (daemon: Daemon) => void) => (_victim: string, chance: Chance) =>
    ambush.atNextChange(
      {
        moment: chance.one(['arrived', 'answered']),
        drop: chance.maybe(0.3),
        strike: (caller) => {
          struck = caller;
          const daemon = delegateOf(caller);
          if (daemon !== undefined) act(daemon);
        },
      },
      AMBUSH_MS,
    );
  const caller = ['whoever changes AWS'];
  const killed = {
    victims: caller,
    begin: atChange((daemon) => void daemon.kill()),
    end: () => delegateOf(struck)?.start(),
  };
  const frozen = {
    victims: caller,
    begin: atChange((daemon) => daemon.freeze()),
    end: () => delegateOf(struck)?.thaw(),
  };
  const tooLong = [pace.leaseMs, pace.leaseMs + pace.takeoverMs + 2_000] as const;
  return [
    { what: 'kill -9 at a change of AWS', weight: 4, lastsMs: [50, 2_000], ...killed },
    { what: 'kill -9 at a change of AWS, away for longer than the lease', weight: 1, lastsMs: tooLong, ...killed },
    { what: 'freeze at a change of AWS', weight: 1, lastsMs: [300, pace.leaseMs], ...frozen },
    { what: 'freeze at a change of AWS, longer than the lease', weight: 1, lastsMs: tooLong, ...frozen },
  ];
}

const DIRECTIONS: readonly (Direction | undefined)[] = ['up', 'down', undefined];

function networkFaults({ operatorProxy, delegateProxies }: Installation, pace: Pace): readonly Fault[] {
  const proxies: Readonly<Record<string, ChaosProxy>> = {
    'network of operators': operatorProxy,
    ...Object.fromEntries(DELEGATES.map((name) => [`network of ${name}`, delegateProxies[name]])),
  };
  const proxyOf = (name: string) => proxies[name] ?? operatorProxy;
  const victims = Object.keys(proxies);
  const heal = (name: string) => proxyOf(name).heal();
  const long = pace.leaseMs + pace.takeoverMs + 2_000;
  return [
    {
      what: 'reset',
      weight: 2,
      victims,
      lastsMs: [0, 100],
      begin: (name) => void proxyOf(name).resetAll(),
      end: heal,
    },
    {
      what: 'cut in a message',
      weight: 2,
      victims,
      lastsMs: [1_000, 4_000],
      begin: (name, chance) => proxyOf(name).cutAfter(chance.whole(1, 800), chance.one(['up', 'down'])),
      end: heal,
    },
    {
      what: 'black hole',
      weight: 2,
      victims,
      lastsMs: [300, pace.leaseMs],
      begin: (name, chance) => proxyOf(name).flow({ kind: 'hold' }, chance.one(DIRECTIONS)),
      end: heal,
    },
    {
      what: 'black hole, longer than the lease',
      weight: 1,
      victims,
      lastsMs: [pace.leaseMs, long],
      begin: (name, chance) => proxyOf(name).flow({ kind: 'hold' }, chance.one(DIRECTIONS)),
      end: heal,
    },
    {
      what: 'half close',
      weight: 1.5,
      victims,
      lastsMs: [0, 500],
      begin: (name, chance) => void proxyOf(name).halfCloseAll(chance.one(['up', 'down'])),
      end: heal,
    },
    {
      what: 'delay',
      weight: 1.5,
      victims,
      lastsMs: [1_000, 6_000],
      begin: (name, chance) =>
        proxyOf(name).flow({ kind: 'delay', milliseconds: chance.whole(20, 800), jitterMs: chance.whole(0, 800) }),
      end: heal,
    },
    {
      what: 'trickle',
      weight: 1.5,
      victims,
      lastsMs: [1_000, 6_000],
      begin: (name, chance) =>
        proxyOf(name).flow({ kind: 'trickle', bytesPerSecond: chance.whole(200, 5_000) }, chance.one(DIRECTIONS)),
      end: heal,
    },
    {
      what: 'refuse',
      weight: 1,
      victims,
      lastsMs: [300, 5_000],
      begin: async (name) => {
        await proxyOf(name).refuse(true);
        proxyOf(name).resetAll();
      },
      end: heal,
    },
  ];
}

/** Requests whose answer does not come, whatever became of them: asked again, they must not be done again. */
function requestFaults({ ambush, controlPlane }: Installation): readonly Fault[] {
  return [
    {
      what: 'lost answer to a request',
      weight: 4,
      victims: ['network of operators, at a request'],
      lastsMs: [0, 200],
      begin: () => ambush.atNextRequest(() => true, AMBUSH_MS),
      end: () => {},
    },
    {
      what: 'kill -9 in the middle of a request',
      weight: 2,
      victims: [controlPlane.name],
      lastsMs: [50, 1_500],
      begin: (_victim, chance) =>
        ambush.atNextRequest(() => {
          setTimeout(() => void controlPlane.kill(), chance.whole(0, 150));
          return false;
        }, AMBUSH_MS),
      end: () => controlPlane.start(),
    },
  ];
}

/** Short breaks for those who watch and ask. */
function operatorFaults({ operatorProxy }: Installation): readonly Fault[] {
  const victims = ['network of operators'];
  const end = () => {};
  return [
    { what: 'reset', weight: 3, victims, lastsMs: [0, 50], begin: () => void operatorProxy.resetAll(), end },
    {
      what: 'cut in a message',
      weight: 3,
      victims,
      lastsMs: [300, 2_000],
      begin: (_name, chance) => operatorProxy.cutAfter(chance.whole(1, 4_000), chance.one(['up', 'down'])),
      end: () => operatorProxy.heal(),
    },
    {
      what: 'half close',
      weight: 1,
      victims,
      lastsMs: [0, 50],
      begin: (_name, chance) => void operatorProxy.halfCloseAll(chance.one(['up', 'down'])),
      end,
    },
  ];
}

const CHANGES = [
  'RegisterTaskDefinition',
  'CreateService',
  'UpdateService',
  'DeleteService',
  'RegisterScalableTarget',
  'PutScalingPolicy',
  'TagResource',
] as const;
const LOOKS = ['DescribeServices', 'DescribeTasks', 'ListTasks', 'ListServices', 'DescribeScalableTargets'] as const;

function awsFaults({ aws, ambush }: Installation): readonly Fault[] {
  // Image faults belong to the deployments: only what was done here is undone.
  const inForce = new Map<string, string>();
  const fault = (add: (chance: Chance) => Parameters<typeof aws.control.addFault>[0]) => ({
    begin: (victim: string, chance: Chance) => void inForce.set(victim, aws.control.addFault(add(chance))),
    end: (victim: string) => {
      const id = inForce.get(victim);
      if (id !== undefined) aws.control.removeFault(id);
    },
  });
  const victims = ['AWS'];
  const lastsMs = [500, 4_000] as const;
  // As often whatever comes next as one that may never come.
  const anyOf = (chance: Chance) => chance.one(['*', '*', '*', ...CHANGES, ...LOOKS]);
  const countOf = (chance: Chance) => chance.whole(1, 3);
  return [
    {
      what: 'throttling',
      weight: 2,
      victims,
      lastsMs,
      ...fault((chance) => ({ kind: 'throttle', operation: anyOf(chance), count: countOf(chance) })),
    },
    {
      what: 'server errors',
      weight: 2,
      victims,
      lastsMs,
      ...fault((chance) => ({ kind: 'server-error', operation: anyOf(chance), count: countOf(chance) })),
    },
    {
      what: 'lost response',
      weight: 5,
      victims: ['AWS, at a change'],
      lastsMs: [0, 500],
      begin: () => ambush.atNextChange({ moment: 'answered', drop: true, strike: () => {} }, AMBUSH_MS),
      end: () => {},
    },
    {
      what: 'lost request',
      weight: 2,
      victims: ['AWS, at a change'],
      lastsMs: [0, 500],
      begin: () => ambush.atNextChange({ moment: 'arrived', drop: true, strike: () => {} }, AMBUSH_MS),
      end: () => {},
    },
    {
      what: 'slow answers',
      weight: 1.5,
      victims,
      lastsMs,
      ...fault((chance) => ({
        kind: 'delay',
        operation: anyOf(chance),
        milliseconds: chance.whole(50, 1_000),
        count: 5,
        point: chance.one(['request', 'response'] as const),
      })),
    },
  ];
}
