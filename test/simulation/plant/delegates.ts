import type { PlantContext } from './context.ts';
import { DelegateHost } from './delegate-host.ts';
import { Disk } from './disk.ts';
import type { Door } from './door.ts';
import { Roads } from './network.ts';
import type { Wire } from './wire.ts';

/** Connections of a delegate that are remembered: the newest, and those that nobody has noticed to be dead. */
const WIRES_KEPT = 4;

/** The machines of one delegate: its own, and while a clone of it runs, that one's. */
export interface DelegatePlace {
  readonly host: DelegateHost;
  readonly roads: Roads;
  /** Newest last. */
  readonly wires: Wire[];
  clone: DelegateHost | undefined;
}

export function delegatePlaces(context: PlantContext, door: Door): DelegatePlace[] {
  return context.script.delegates.map(({ name, versions }, index) => {
    const roads = new Roads(index, context.weather, context.random);
    const wires: Wire[] = [];
    const onWire = onWireOf(wires);
    const host = new DelegateHost({
      context,
      delegateName: name,
      host: name,
      roads,
      door,
      disk: new Disk(),
      versions,
      onWire,
    });
    return { host, roads, wires, clone: undefined };
  });
}

/** A second machine with a copy of the delegate's directory, behind the same wire. */
export function cloneOf(context: PlantContext, door: Door, place: DelegatePlace, index: number): DelegateHost {
  const { host, roads, wires } = place;
  const name = context.script.delegates[index]?.name ?? host.host;
  return new DelegateHost({
    context,
    delegateName: name,
    host: `${name}-clone-${context.recorder.nowMs}`,
    roads,
    door,
    disk: host.disk.copy(),
    versions: host.versions,
    onWire: onWireOf(wires),
  });
}

function onWireOf(wires: Wire[]): (wire: Wire) => void {
  return (wire) => {
    wires.push(wire);
    if (wires.length > WIRES_KEPT) wires.shift();
  };
}
