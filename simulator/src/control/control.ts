import type { AgentEndpoints } from '../agent-endpoint/agent-endpoint.ts';
import { addCluster } from '../ecs/clusters.ts';
import { AwsError } from '../wire/aws-error.ts';
import type { ClockMode, SimulatedClock } from '../world/clock.ts';
import type { ActiveFault, Fault } from '../world/faults.ts';
import { addInstance, type InstanceSpecification, setInstanceStatus, terminateInstance } from '../world/instances.ts';
import type { InstanceState, WorldState } from '../world/state.ts';
import { stopTask } from '../world/task-life.ts';
import type { World } from '../world/world.ts';
import type { CallLog, CallRecord } from './call-log.ts';
import { parseFault } from './parse-fault.ts';

/** What the operator of a simulated world can see and do, beside AWS's own API. */
export class Control {
  readonly #world: World;
  readonly #clock: SimulatedClock;
  readonly #log: CallLog;
  readonly #agents: AgentEndpoints;

  constructor(world: World, clock: SimulatedClock, log: CallLog, agents: AgentEndpoints) {
    this.#world = world;
    this.#clock = clock;
    this.#log = log;
    this.#agents = agents;
  }

  /** API calls, oldest first; the newest 5,000 are kept. */
  calls(afterSequence = 0): readonly CallRecord[] {
    return this.#log.calls(afterSequence);
  }

  /** The calls that changed the world, also those whose answer was lost; the newest 5,000 are kept. */
  mutations(afterSequence = 0): readonly CallRecord[] {
    return this.#log.mutations(afterSequence);
  }

  /** The world as it is now. Do not change it: use the API or the methods here. */
  state(): WorldState {
    this.#clock.catchUp();
    return this.#world.state;
  }

  /** The world as it is now, apart from it: `restore` brings it back. */
  snapshot(): WorldState {
    this.#clock.catchUp();
    return structuredClone(this.#world.state);
  }

  /** Puts the world, its time included, back to a snapshot. Calls that are under way see the restored one; logs and faults stay. */
  async restore(snapshot: WorldState): Promise<void> {
    this.#clock.catchUp();
    Object.assign(this.#world.state, structuredClone(snapshot));
    this.#clock.rebase();
    this.#finishChange();
    await this.#agents.refresh();
  }

  /** Puts a fault in force and returns its id. Throws AwsError (ValidationException) for what is no fault. */
  addFault(fault: Fault): string {
    this.#clock.catchUp();
    const id = this.#world.faults.add(parseFault(fault));
    if (fault.kind === 'autoscaler') {
      this.#world.schedule((fault.everySeconds ?? 60) * 1000, { kind: 'autoscaler', faultId: id });
      this.#clock.rearm();
    }
    return id;
  }

  faults(): ActiveFault[] {
    return this.#world.faults.list();
  }

  removeFault(id: string): boolean {
    return this.#world.faults.remove(id);
  }

  clearFaults(): void {
    this.#world.faults.clear();
  }

  /** Moves simulated time forward. */
  advance(milliseconds: number): void {
    this.#clock.advance(milliseconds);
  }

  clockMode(): ClockMode {
    return this.#clock.mode;
  }

  setClockMode(mode: ClockMode): void {
    this.#clock.setMode(mode);
  }

  /** Makes sure that an ACTIVE cluster of this name exists, with the Fargate capacity providers associated. */
  addCluster(name: string): void {
    addCluster(this.#world, name, { capacityProviders: ['FARGATE', 'FARGATE_SPOT'] });
    this.#world.changed();
  }

  /** Registers container instances with a cluster; their agent endpoints listen when the promise resolves. */
  async addInstances(
    cluster: string,
    count: number,
    specification: InstanceSpecification = {},
  ): Promise<InstanceState[]> {
    this.#clock.catchUp();
    const added = Array.from({ length: count }, () => addInstance(this.#world, cluster, specification));
    this.#finishChange();
    await this.#agents.refresh();
    return added;
  }

  setInstanceStatus(instance: string, status: 'ACTIVE' | 'DRAINING'): void {
    this.#clock.catchUp();
    setInstanceStatus(this.#world, this.#instance(instance), status);
    this.#finishChange();
  }

  /** Takes a container instance away, as EC2 does when it terminates the host. */
  async terminateInstance(instance: string): Promise<void> {
    this.#clock.catchUp();
    terminateInstance(this.#world, this.#instance(instance));
    this.#finishChange();
    await this.#agents.refresh();
  }

  /** Ends a task's essential container with an exit code, as if the application had done so. */
  exitTask(taskArn: string, exitCode: number): void {
    this.#clock.catchUp();
    const one = this.#world.state.tasks[taskArn];
    if (one === undefined) throw new AwsError('ValidationException', `There is no task ${taskArn}`, 404);
    const [container] = one.task.containers;
    if (container !== undefined) container.exitCode = exitCode;
    stopTask(this.#world, one, {
      stopCode: 'EssentialContainerExited',
      reason: 'Essential container in task exited',
      alreadyDown: true,
    });
    this.#finishChange();
  }

  #instance(name: string): InstanceState {
    const found = Object.values(this.#world.state.instances).find((instance) =>
      [instance.id, instance.arn, instance.ec2InstanceId, instance.privateAddress].includes(name),
    );
    if (found === undefined) throw new AwsError('ValidationException', `There is no container instance ${name}`, 404);
    return found;
  }

  #finishChange(): void {
    this.#world.changed();
    this.#clock.rearm();
  }
}
