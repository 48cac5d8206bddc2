import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import {
  type Encoded,
  encodeDelegateMessage,
  encodeJoinRequest,
  encodeLogMessage,
} from '@outrider/shared/protocol/codec.ts';
import type { DelegateMessage, LogMessage, ServerMessage, TaskRef } from '@outrider/shared/protocol/messages.ts';
import { SESSION_METADATA } from '@outrider/shared/protocol/service.ts';
import { STEP_TYPES } from '@outrider/shared/steps/index.ts';
import { bearer, type Call, Peer } from './peer.ts';
import type { Victim } from './victim.ts';

type Hello = Extract<DelegateMessage, { kind: 'hello' }>;
type Of<Kind extends ServerMessage['kind']> = Extract<ServerMessage, { kind: Kind }>;

/** A step whose lease it holds. */
export interface Held {
  readonly executionId: string;
  readonly ref: TaskRef;
}

/** One that was let in: with TLS it has a credential of its own. What it says is a test's to decide. */
export class BadDelegate {
  readonly name: string;
  readonly credential: string | undefined;
  readonly instanceId = randomUUID();
  readonly #victim: Victim;
  readonly #peers: Peer[] = [];

  private constructor(victim: Victim, name: string, credential: string | undefined) {
    this.#victim = victim;
    this.name = name;
    this.credential = credential;
  }

  static async join(victim: Victim, name: string): Promise<BadDelegate> {
    if (!victim.tls) return new BadDelegate(victim, name, undefined);
    const peer = await Peer.connect(victim.address);
    const joinToken = await victim.joinToken(name);
    const call = peer.call('join');
    const request = { joinToken, delegateName: name, instanceId: 'bad', version: '0.1.0', secretSha256: '' };
    await call.send(bytesOf(encodeJoinRequest(request)));
    call.end();
    const credential = await call.next('a credential', (told) => {
      const given: unknown = Object(told).credential;
      return typeof given === 'string' ? given : undefined;
    });
    peer.destroy();
    return new BadDelegate(victim, name, credential);
  }

  /** Another connection. */
  async connect(): Promise<Peer> {
    const peer = await Peer.connect(this.#victim.address);
    this.#peers.push(peer);
    return peer;
  }

  control(peer: Peer): Call {
    return peer.call('control', bearer(this.credential));
  }

  logs(peer: Peer, sessionId: string): Call {
    return peer.call('logs', { ...bearer(this.credential), [SESSION_METADATA]: sessionId });
  }

  hello(changes: Partial<Hello> = {}): Buffer {
    return encoded({
      kind: 'hello',
      delegateName: this.name,
      instanceId: this.instanceId,
      protocolMin: 1,
      protocolMax: 2,
      version: '0.1.0',
      tags: ['bad'],
      stepTypes: STEP_TYPES,
      slots: 10,
      inventory: [],
      region: 'us-east-1',
      ...changes,
    });
  }

  /** A session that was welcomed. */
  async session(
    peer: Peer,
    changes: Partial<Hello> = {},
  ): Promise<{ readonly control: Call; readonly sessionId: string }> {
    const control = this.control(peer);
    await control.send(this.hello(changes));
    const { sessionId } = await control.next('a welcome', only('welcome'));
    return { control, sessionId };
  }

  /** Waits for an offer and takes it; what was offered to an earlier session of this delegate may be over by then. */
  async hold(control: Call): Promise<Held> {
    const executionId = await this.#victim.begin('bad');
    for (;;) {
      const { taskId, epoch } = await control.next('an offer', only('offer'));
      await control.send(encoded({ kind: 'accept', taskId, epoch }));
      const answer = await control.next(
        `a word about ${taskId} ${epoch}`,
        (told) => only('lease')(told) ?? only('refused')(told),
      );
      if (answer.kind === 'lease') return { executionId, ref: { taskId, epoch } };
    }
  }

  close(): void {
    for (const peer of this.#peers.splice(0)) peer.destroy();
  }
}

export function encoded(message: DelegateMessage): Buffer {
  return bytesOf(encodeDelegateMessage(message));
}

export function encodedLog(message: LogMessage): Buffer {
  return bytesOf(encodeLogMessage(message));
}

/** The messages of one kind among those that come. */
export function only<Kind extends ServerMessage['kind']>(kind: Kind): (told: unknown) => Of<Kind> | undefined {
  return (told) => (isMessage(told, kind) ? told : undefined);
}

function isMessage<Kind extends ServerMessage['kind']>(told: unknown, kind: Kind): told is Of<Kind> {
  return typeof told === 'object' && told !== null && 'kind' in told && told.kind === kind;
}

function bytesOf(message: Encoded): Buffer {
  assert.ok(message.kind === 'ok', 'it can be sent');
  return message.bytes;
}
