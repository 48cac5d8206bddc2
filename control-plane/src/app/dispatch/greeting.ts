import { sortableId } from '@outrider/shared/ids.ts';
import type { Directive, InventoryItem, ServerMessage } from '@outrider/shared/protocol/messages.ts';
import {
  INSTANCE_SILENT_HEARTBEATS,
  SLOTS_MAX,
  STEP_TYPES_MAX,
  TAG_MAX_LENGTH,
  TAGS_MAX,
  WORD_MAX_LENGTH,
} from '@outrider/shared/protocol/timings.ts';
import { commonVersion, type ProtocolRange, rangeText } from '@outrider/shared/protocol/versions.ts';
import type { DispatchContext } from './context.ts';
import { directiveFor } from './directives.ts';
import type { DelegatePeer, HelloMessage, OpenOutcome, SessionLink } from './ports.ts';
import { isThere, type Session } from './registry.ts';

const NAME = /^[A-Za-z0-9][A-Za-z0-9 _.-]{0,127}$/;
export type Greeting = { readonly kind: 'ok'; readonly session: Session } | Refusal;

/** Checks a Hello, settles what the delegate still holds, and welcomes it. The session is in the registry before the welcome leaves. */
export async function greet(
  context: DispatchContext,
  peer: DelegatePeer,
  hello: HelloMessage,
  link: SessionLink,
): Promise<Greeting> {
  const { clock, protocol: spoken, registry, store, timings } = context;
  const refusal = refusalOf(peer, hello);
  if (refusal !== undefined) return refusal;
  const protocol = commonVersion(spoken, { min: hello.protocolMin, max: hello.protocolMax });
  if (protocol === undefined) return wrongVersion(hello, spoken);
  const others = registry.of(hello.delegateName).filter((other) => other.instanceId !== hello.instanceId);
  await Promise.all(others.map(async ({ link: other }) => await other.look?.()));
  const twin = makePlace(context, peer, hello);
  if (twin !== undefined) return twin;
  const now = clock.now();
  const { delegateName, instanceId, tags, version, region, stepTypes } = hello;
  const seen = { name: delegateName, tags, version, region, stepTypes, lastSeenMs: now };
  await store.seeDelegate(seen);
  const known = registry.known(delegateName);
  registry.learn({ ...seen, firstSeenMs: known?.firstSeenMs ?? now, lock: known?.lock ?? null });
  const session = sessionOf(context, peer, hello, link, protocol);
  const ids = hello.inventory.map((item) => item.taskId);
  const cameFirst = await context.locks.run(ids, async () => {
    const directives: Directive[] = [];
    for (const item of hello.inventory) directives.push(await settle(context, session, item));
    // Another one with the same credential may have come in meanwhile.
    const refused = makePlace(context, peer, hello);
    if (refused !== undefined) return refused;
    registry.add(session);
    link.send(welcome(session, timings, now, directives));
    return undefined;
  });
  if (cameFirst !== undefined) return cameFirst;
  context.logger.info(
    { delegate: delegateName, instanceId, version, protocol, address: peer.address },
    'A delegate has connected',
  );
  return { kind: 'ok', session };
}

type Refusal = Exclude<OpenOutcome, { readonly kind: 'ok' }>;

/**
 * One instance has one session, and one credential has one instance. What is dead and nobody has noticed gives way; a second
 * one with the credential of one that lives has a copy of its key, and is turned away.
 */
function makePlace(context: DispatchContext, peer: DelegatePeer, hello: HelloMessage): Refusal | undefined {
  const { clock, logger, registry, timings } = context;
  const { delegateName, instanceId } = hello;
  for (const other of registry.withCredential(peer.credentialId)) {
    if (other.instanceId === instanceId) continue;
    if (isThere(other) && clock.now() - other.lastHeardMs < timings.heartbeatMs * INSTANCE_SILENT_HEARTBEATS) {
      registry.noteTwin(delegateName, clock.now());
      const because = `another instance of ${delegateName} (${other.instanceId}) lives and has this very credential; each machine must join for itself`;
      logger.warn({ delegate: delegateName, instanceId, because }, 'A delegate was turned away');
      return { kind: 'refused', code: 'not-allowed-now', because };
    }
    registry.remove(other);
    other.link.close('replaced by a newer instance with the same credential');
  }
  const before = registry.byInstance(instanceId);
  if (before === undefined) return undefined;
  if (before.delegate !== delegateName) {
    return { kind: 'refused', code: 'not-permitted', because: 'the instance id is that of another delegate' };
  }
  // Its old stream is dead and nobody has noticed: the delegate did, or it would not be here.
  registry.remove(before);
  before.link.close('replaced by a newer connection of the same instance');
  return undefined;
}

function wrongVersion(hello: HelloMessage, spoken: ProtocolRange): Refusal {
  const theirs = rangeText({ min: hello.protocolMin, max: hello.protocolMax });
  const because = `the delegate (${hello.version}) speaks protocol ${theirs}, the control plane ${rangeText(spoken)}`;
  return { kind: 'refused', code: 'protocol-version', because };
}

function refusalOf(peer: DelegatePeer, hello: HelloMessage): Refusal | undefined {
  // First, so that nothing of any length is said back.
  const wrong = whatIsWrong(hello);
  if (wrong !== undefined) return { kind: 'refused', code: 'not-permitted', because: wrong };
  if (peer.delegateName === null || peer.delegateName === hello.delegateName) return undefined;
  const because = `the credential is that of ${peer.delegateName}, not of ${hello.delegateName}`;
  return { kind: 'refused', code: 'not-permitted', because };
}

function whatIsWrong(hello: HelloMessage): string | undefined {
  if (!NAME.test(hello.delegateName)) {
    return 'a delegate name has 1–128 letters, digits, spaces, "_", "." and "-", and begins with a letter or digit';
  }
  if (hello.tags.length > TAGS_MAX || hello.tags.some((tag) => tag.length > TAG_MAX_LENGTH)) {
    return `a delegate has at most ${TAGS_MAX} tags of at most ${TAG_MAX_LENGTH} characters`;
  }
  if (hello.stepTypes.length > STEP_TYPES_MAX) return `a delegate names at most ${STEP_TYPES_MAX} step types`;
  const { version, region, instanceId, stepTypes } = hello;
  if ([version, region, instanceId, ...stepTypes].some((word) => word.length > WORD_MAX_LENGTH)) {
    return `version, region, instance id and step types of a delegate have at most ${WORD_MAX_LENGTH} characters`;
  }
  if (hello.slots < 1 || hello.slots > SLOTS_MAX) return `a delegate has 1–${SLOTS_MAX} slots`;
  return undefined;
}

function sessionOf(
  context: DispatchContext,
  peer: DelegatePeer,
  hello: HelloMessage,
  link: SessionLink,
  protocol: number,
): Session {
  const now = context.clock.now();
  return {
    id: sortableId('ses', now, context.randomness.bytes(10)),
    delegate: hello.delegateName,
    instanceId: hello.instanceId,
    tags: hello.tags,
    stepTypes: hello.stepTypes,
    slots: hello.slots,
    version: hello.version,
    region: hello.region,
    protocol,
    credentialId: peer.credentialId,
    transport: peer.transport ?? 'streams',
    link,
    lastHeardMs: now,
    lastSavedMs: now,
    draining: false,
    lastOfferMs: 0,
    held: new Map(),
    cancelsSentMs: new Map(),
  };
}

async function settle(context: DispatchContext, session: Session, item: InventoryItem): Promise<Directive> {
  const { store, clock, registry, timings } = context;
  const row = await store.getTask(item.taskId);
  const holder = typeof row?.instanceId === 'string' ? registry.byInstance(row.instanceId) : undefined;
  const holderLives = holder !== undefined && isThere(holder);
  const plan = directiveFor(item, row, session, holderLives);
  const directive = { taskId: item.taskId, epoch: item.epoch, logOffset: row?.logBytes ?? 0 };
  if (plan.action === 'stop') {
    // A result that was acknowledged is brought along with every greeting for a while.
    const routine = item.phase === 'finished' && row?.state === 'ended';
    context.logger[routine ? 'debug' : 'info'](
      { ...directive, delegate: session.delegate, because: plan.because },
      'The delegate is to forget a task',
    );
    return { ...directive, action: 'stop' };
  }
  if (plan.reattach) {
    const leaseUntilMs = clock.now() + timings.leaseTtlMs;
    const outcome = await store.reattachTask(item, session.delegate, session.instanceId, leaseUntilMs);
    if (outcome !== 'ok') return { ...directive, action: 'stop' };
  }
  session.held.set(item.taskId, item.epoch);
  // Whoever had the lease before may have written until now.
  const logOffset = plan.reattach ? (await store.getTask(item.taskId))?.logBytes : undefined;
  return { ...directive, action: plan.action, ...(logOffset === undefined ? {} : { logOffset }) };
}

function welcome(
  session: Session,
  timings: DispatchContext['timings'],
  now: number,
  directives: readonly Directive[],
): ServerMessage {
  return {
    kind: 'welcome',
    sessionId: session.id,
    protocol: session.protocol,
    leaseTtlMs: timings.leaseTtlMs,
    heartbeatMs: timings.heartbeatMs,
    serverTimeMs: now,
    directives,
  };
}
