import type { TaskId } from '@outrider/shared/ids.ts';
import type { DelegateView } from '../../domain/fleet/match.ts';
import type { DelegateRow } from '../ports.ts';
import type { SessionLink } from './ports.ts';

/** One live Control stream: one instance of a delegate. What is in here is gone with the process; the truth is in the store. */
export interface Session {
  readonly id: string;
  readonly delegate: string;
  readonly instanceId: string;
  readonly tags: readonly string[];
  readonly stepTypes: readonly string[];
  readonly slots: number;
  readonly version: string;
  readonly region: string;
  /** Version of the protocol that both sides speak. */
  readonly protocol: number;
  /** What it proved its name with; undefined: nothing, in plaintext on loopback. */
  readonly credentialId: string | undefined;
  readonly transport: 'streams' | 'polling';
  readonly link: SessionLink;
  lastHeardMs: number;
  /** When the store was last told that it lives. */
  lastSavedMs: number;
  draining: boolean;
  /** When a task was last offered to it: work is spread. */
  lastOfferMs: number;
  /** Epochs by task that are this session's, as far as this process has seen; a message about another is looked up. */
  readonly held: Map<TaskId, number>;
  /** Tasks whose cancel this session was told of, and when it was last. */
  readonly cancelsSentMs: Map<TaskId, number>;
}

/** False: nobody is on the other side, and whoever comes now under its name is more likely its successor than its twin. */
export function isThere({ link }: Session): boolean {
  return link.gone?.() !== true;
}

/** Sessions by id, and every delegate that was ever seen, by name. */
export class Registry {
  readonly #sessions = new Map<string, Session>();
  readonly #known = new Map<string, DelegateRow>();
  readonly #heldBack = new Set<string>();
  /** When another instance last wanted to come in with the credential of one that lives. */
  readonly #twins = new Map<string, number>();

  learn(row: DelegateRow): void {
    this.#known.set(row.name, row);
  }

  forget(delegate: string): boolean {
    this.#heldBack.delete(delegate);
    this.#twins.delete(delegate);
    return this.#known.delete(delegate);
  }

  known(delegate: string): DelegateRow | undefined {
    return this.#known.get(delegate);
  }

  add(session: Session): void {
    this.#sessions.set(session.id, session);
  }

  remove(session: Session): void {
    this.#sessions.delete(session.id);
  }

  byId(sessionId: string): Session | undefined {
    return this.#sessions.get(sessionId);
  }

  byInstance(instanceId: string): Session | undefined {
    return this.all().find((session) => session.instanceId === instanceId);
  }

  /** Sessions of this credential. */
  withCredential(credentialId: string | undefined): readonly Session[] {
    return credentialId === undefined ? [] : this.all().filter((session) => session.credentialId === credentialId);
  }

  noteTwin(delegate: string, atMs: number): void {
    this.#twins.set(delegate, atMs);
  }

  of(delegate: string): readonly Session[] {
    return this.all().filter((session) => session.delegate === delegate);
  }

  all(): readonly Session[] {
    return [...this.#sessions.values()];
  }

  /** False: nobody of this name is known. */
  holdBack(delegate: string, heldBack: boolean): boolean {
    if (!this.#known.has(delegate)) return false;
    if (heldBack) this.#heldBack.add(delegate);
    else this.#heldBack.delete(delegate);
    return true;
  }

  takesOffers(session: Session): boolean {
    return !session.draining && !this.#heldBack.has(session.delegate);
  }

  /** `busyByInstance`: tasks offered to and leased by each instance. */
  views(busyByInstance: ReadonlyMap<string, number>): readonly DelegateView[] {
    return [...this.#known.values()]
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map((row) => this.#view(row, busyByInstance));
  }

  #view(row: DelegateRow, busyByInstance: ReadonlyMap<string, number>): DelegateView {
    const sessions = this.of(row.name);
    const open = sessions.filter((session) => this.takesOffers(session));
    return {
      name: row.name,
      connected: sessions.length > 0,
      draining: sessions.length > 0 && open.length === 0,
      tags: row.tags,
      stepTypes: row.stepTypes,
      version: row.version,
      region: row.region,
      slots: sum(sessions.map((session) => session.slots)),
      busy: sum(sessions.map((session) => busyByInstance.get(session.instanceId) ?? 0)),
      instances: sessions.length,
      transport: transportOf(sessions),
      lastSeenMs: Math.max(row.lastSeenMs, ...sessions.map((session) => session.lastHeardMs)),
      lock: row.lock,
      twinSeenMs: this.#twins.get(row.name) ?? null,
    };
  }
}

/** What a look at the network would be worth for: one of them polls. */
function transportOf(sessions: readonly Session[]): Session['transport'] | null {
  if (sessions.length === 0) return null;
  return sessions.some(({ transport }) => transport === 'polling') ? 'polling' : 'streams';
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
