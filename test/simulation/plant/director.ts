import type { OperationName } from '@outrider/control-plane/store/operations.ts';
import type { AwsCall, CallRates, CallResult } from '../aws-calls.ts';
import type { Fault, FaultKind } from '../ports.ts';
import type { PlantContext } from './context.ts';
import type { ControlPlaneHost } from './control-plane.ts';
import { enrol } from './credentials.ts';
import { cloneOf, type DelegatePlace } from './delegates.ts';
import type { Door } from './door.ts';
import type { Process } from './process.ts';
import { rollBack } from './roll-back.ts';
import { NEW_IMAGES } from './samples.ts';
import type { StoreDisk } from './store.ts';

type Of<Kind extends FaultKind> = Extract<Fault, { kind: Kind }>;

export interface Stage {
  readonly context: PlantContext;
  readonly controlPlane: ControlPlaneHost;
  readonly disk: StoreDisk;
  readonly door: Door;
  readonly places: readonly DelegatePlace[];
}

/** Lets the faults of the script happen at their times. */
export class Director {
  readonly #stage: Stage;
  readonly #awsFaults = new Map<number, Of<'aws-fault'>>();

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  begin(): void {
    const { script } = this.#stage.context;
    for (const [index, fault] of script.faults.entries()) {
      if (fault.kind === 'roll-back-store') this.#remember(index, fault);
      else this.#at(fault.atMs, `fault ${fault.kind}`, () => this.#strike(index, fault));
    }
  }

  /** A call of simulated AWS leaves its host: a trap may close here. */
  awsSending(call: AwsCall): void {
    const found = this.#hostOf(call);
    if (found !== undefined) found.host.traps.before(found.process, effectOf(call));
  }

  /** It was dealt with. */
  awsPerformed(call: AwsCall, result: CallResult): void {
    const { recorder } = this.#stage.context;
    if (call.mutates) recorder.note(`aws:${call.operation}`, call.host.name, `${result.effect} ${result.answer}`);
    else if (result.fault !== undefined) recorder.note('aws:read-failed', call.host.name, result.fault);
    if (result.fault !== undefined) {
      for (const [index, fault] of this.#awsFaults) {
        if (RATES[fault.how].includes(result.fault)) recorder.faultsInEffect.add(index);
      }
    }
    this.#hostOf(call)?.host.traps.after(effectOf(call));
  }

  #strike(index: number, fault: Exclude<Fault, { kind: 'roll-back-store' }>): void {
    this.#stage.context.recorder.note(`fault:${fault.kind}`, 'director', String(index));
    switch (fault.kind) {
      case 'messages':
      case 'store-fault':
        // The weather strikes whoever asks.
        return;
      case 'partition':
      case 'reset':
        return this.#network(index, fault);
      case 'crash-delegate':
      case 'crash-delegate-at':
      case 'replace-delegate':
      case 'freeze-delegate':
      case 'clone-delegate':
        return this.#delegate(index, fault);
      case 'crash-control-plane':
      case 'crash-control-plane-at':
      case 'replace-control-plane':
      case 'freeze-control-plane':
        return this.#controlPlane(index, fault);
      case 'jump-clock':
        this.#took(index);
        if (fault.host === 'control-plane') this.#stage.controlPlane.jumpClock(fault.byMs);
        else this.#stage.places[fault.host]?.host.jumpClock(fault.byMs);
        return;
      case 'aws-fault':
      case 'image-pull-fails':
        return this.#aws(index, fault);
    }
  }

  #network(index: number, fault: Of<'partition'> | Of<'reset'>): void {
    const place = this.#stage.places[fault.delegate];
    if (place === undefined) return;
    if (fault.kind === 'partition') {
      for (const wire of place.wires) wire.doubt();
      this.#later(fault.forMs, 'partition ends', () => place.roads.open());
      return;
    }
    if (place.wires.length > 0) this.#took(index);
    for (const wire of place.wires) {
      if (fault.stream === 'connection') wire.break();
      else wire.breakLogs();
    }
  }

  #delegate(
    index: number,
    fault:
      | Of<'crash-delegate'>
      | Of<'crash-delegate-at'>
      | Of<'replace-delegate'>
      | Of<'freeze-delegate'>
      | Of<'clone-delegate'>,
  ): void {
    const place = this.#stage.places[fault.delegate];
    if (place === undefined) return;
    const { host } = place;
    const back = (afterMs: number) => this.#later(afterMs, 'delegate comes back', () => host.start());
    switch (fault.kind) {
      case 'crash-delegate':
        if (host.kill()) this.#took(index);
        if (fault.loseDisk) this.#loseDisk(place, fault.delegate);
        return back(fault.backAfterMs);
      case 'crash-delegate-at':
        host.traps.set(fault.effect, fault.nth, fault.moment, () => {
          if (host.kill()) this.#took(index);
          back(fault.backAfterMs);
        });
        return this.#whenCalm(() => host.traps.clear(fault.effect));
      case 'replace-delegate':
        if (!host.up) return;
        this.#took(index);
        return host.drain(() =>
          this.#later(fault.backAfterMs, 'new delegate', () => host.start(fault.versions ?? host.versions)),
        );
      case 'freeze-delegate':
        return this.#freeze(index, host.process, fault.forMs, fault.monotonicStops);
      case 'clone-delegate': {
        const clone = cloneOf(this.#stage.context, this.#stage.door, place, fault.delegate);
        this.#took(index);
        place.clone = clone;
        clone.start();
        return this.#later(fault.forMs, 'clone goes', () => {
          clone.kill();
          if (place.clone === clone) place.clone = undefined;
        });
      }
    }
  }

  /** An empty machine takes the old one's place; it has joined by the time it comes up. */
  #loseDisk({ host }: DelegatePlace, delegate: number): void {
    const { context, disk } = this.#stage;
    const name = context.script.delegates[delegate]?.name ?? '';
    const id = host.disk.credentialId === null ? null : `${name}-${context.recorder.nowMs}`;
    host.disk.wipe(id);
    if (id !== null) void enrol(disk.store, name, id, context.scheduler.now());
  }

  #controlPlane(
    index: number,
    fault:
      | Of<'crash-control-plane'>
      | Of<'crash-control-plane-at'>
      | Of<'replace-control-plane'>
      | Of<'freeze-control-plane'>,
  ): void {
    const { controlPlane: host } = this.#stage;
    const back = (afterMs: number) => this.#later(afterMs, 'control plane comes back', () => host.start());
    switch (fault.kind) {
      case 'crash-control-plane':
        if (host.kill()) this.#took(index);
        return back(fault.backAfterMs);
      case 'crash-control-plane-at': {
        const { operation } = fault;
        if (!isOperation(operation)) throw new RangeError(`the store has no operation ${operation}`);
        host.traps.set(operation, fault.nth, fault.moment, () => {
          if (host.kill()) this.#took(index);
          back(fault.backAfterMs);
        });
        return this.#whenCalm(() => host.traps.clear(operation));
      }
      case 'replace-control-plane':
        if (!host.up) return;
        this.#took(index);
        return host.drain(() =>
          this.#later(fault.backAfterMs, 'new control plane', () => host.start(fault.versions ?? host.versions)),
        );
      case 'freeze-control-plane':
        return this.#freeze(index, host.process, fault.forMs, false);
    }
  }

  #freeze(index: number, process: Process | undefined, forMs: number, monotonicStands: boolean): void {
    if (process === undefined || !process.awake) return;
    this.#took(index);
    process.clock.freeze({ monotonicStands });
    for (const { wires } of this.#stage.places) {
      for (const wire of wires) {
        if (wire.client.process === process || wire.server.process === process) wire.doubt();
      }
    }
    this.#later(forMs, 'thaw', () => process.clock.thaw());
  }

  #aws(index: number, fault: Of<'aws-fault'> | Of<'image-pull-fails'>): void {
    const { aws, recorder } = this.#stage.context;
    if (fault.kind === 'image-pull-fails') {
      const id = aws.addFault({ kind: 'image-pull-failure', image: NEW_IMAGES });
      const before = failedPulls(this.#stage.context);
      return this.#later(fault.forMs, 'images are there', () => {
        if (failedPulls(this.#stage.context) > before) recorder.faultsInEffect.add(index);
        aws.removeFault(id);
      });
    }
    this.#awsFaults.set(index, fault);
    this.#setRates();
    this.#later(fault.forMs, 'aws is well', () => {
      this.#awsFaults.delete(index);
      this.#setRates();
    });
  }

  #setRates(): void {
    const rates: Partial<Record<keyof CallRates, number>> = {};
    for (const { how, probability } of this.#awsFaults.values()) {
      for (const rate of RATES[how]) rates[rate] = Math.max(rates[rate] ?? 0, probability / RATES[how].length);
    }
    this.#stage.context.aws.setRates(rates);
  }

  /** Takes the copy that the store will come back as, at its time. */
  #remember(index: number, fault: Of<'roll-back-store'>): void {
    const { disk } = this.#stage;
    const toMs = Math.max(0, fault.atMs - fault.backMs);
    this.#at(toMs, 'copy of the store', () => {
      const copy = disk.store.snapshot();
      this.#at(fault.atMs, 'fault roll-back-store', () => {
        this.#stage.context.recorder.note('fault:roll-back-store', 'director', String(index));
        this.#took(index);
        void rollBack(this.#stage, { copy, toMs }).then(() =>
          this.#later(fault.backAfterMs, 'control plane comes back', () => this.#stage.controlPlane.start()),
        );
      });
    });
  }

  #hostOf(call: AwsCall) {
    for (const { host, clone } of this.#stage.places) {
      for (const one of clone === undefined ? [host] : [host, clone]) {
        const { process } = one;
        if (process?.clock === call.host) return { host: one, process };
      }
    }
    return undefined;
  }

  #took(index: number): void {
    this.#stage.context.recorder.faultsInEffect.add(index);
  }

  #whenCalm(run: () => void): void {
    this.#at(this.#stage.context.script.calmFromMs, 'all is calm', run);
  }

  /** At a time of the script. */
  #at(atMs: number, label: string, run: () => void): void {
    this.#later(atMs - this.#stage.context.recorder.nowMs, label, run);
  }

  #later(afterMs: number, label: string, run: () => void): void {
    this.#stage.context.scheduler.after(afterMs, run, label);
  }
}

const RATES: Readonly<Record<Of<'aws-fault'>['how'], readonly (keyof CallRates)[]>> = {
  throttled: ['throttled'],
  'server-error': ['serverError'],
  'response-lost': ['responseLost', 'requestLost'],
  slow: ['slow'],
};

function effectOf(call: AwsCall): 'aws-mutation' | 'aws-read' {
  return call.mutates ? 'aws-mutation' : 'aws-read';
}

function failedPulls({ aws }: PlantContext): number {
  return Object.values(aws.state().tasks).filter(({ task }) => {
    const reasons = [task.stoppedReason, ...task.containers.map((container) => container.reason)];
    return reasons.some((reason) => reason?.includes('CannotPull') === true);
  }).length;
}

const OPERATIONS: ReadonlySet<string> = new Set<OperationName>([
  'commit',
  'offerTask',
  'renewLeases',
  'reattachTask',
  'appendLog',
  'enqueueTask',
  'effectDone',
  'cancelTask',
  'returnOffer',
  'extendAllLeases',
  'seeDelegate',
  'livingTasks',
  'getTask',
]);

function isOperation(name: string): name is OperationName {
  return OPERATIONS.has(name);
}
