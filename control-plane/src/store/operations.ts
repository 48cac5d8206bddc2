import type { BackupSource, Store } from '../app/ports.ts';
import type { TriggerStore } from '../app/triggers/ports.ts';
import type { WebhookStore } from '../app/webhooks/ports.ts';

/**
 * The store as a set of plain functions, one per operation, each of which runs from beginning to end without a pause:
 * what an implementation has to provide. `storeOf` turns the set into the port.
 */

/** A store with what is asked of its file as a whole. */
export interface OpenedStore extends Store {
  /** Null: it keeps nothing, so there is nothing to back up. */
  readonly backups: BackupSource | null;
}

export type OperationName = Exclude<keyof Store, 'close'>;
export type OperationArguments = { readonly [K in OperationName]: Parameters<Store[K]> };
export type OperationResults = { readonly [K in OperationName]: Awaited<ReturnType<Store[K]>> };
export type Operations = {
  readonly [K in OperationName]: (...given: OperationArguments[K]) => OperationResults[K];
};
/** The operations of one part of the store, such as `OperationsOf<LogStore>`. */
export type OperationsOf<Part> = Pick<Operations, keyof Part & OperationName>;

/** Carries out one operation by its name, on whatever thread. */
export type Call = <K extends OperationName>(name: K, ...given: OperationArguments[K]) => Promise<OperationResults[K]>;

/** Runs an operation of the set here and now. */
export function perform<K extends OperationName>(
  operations: Operations,
  name: K,
  given: OperationArguments[K],
): OperationResults[K] {
  return operations[name](...given);
}

/** The others only read. */
export function changesSomething(name: OperationName): boolean {
  return !READS.has(name);
}

const READS: ReadonlySet<OperationName> = new Set<OperationName>([
  'getResource',
  'listResources',
  'readEvents',
  'getSummary',
  'listSummaries',
  'pendingEffects',
  'findIdempotent',
  'verifyHistory',
  'getTask',
  'livingTasks',
  'readLog',
  'logDigest',
  'listDelegates',
  'listJoinTokens',
  'getDelegate',
  'findCredential',
  'findCredentials',
  'findApiKey',
  'listApiKeys',
  'getSetting',
  'getWebhook',
  'listWebhooks',
  'listDeliveries',
  'getDelivery',
  'getTrigger',
  'findTrigger',
  'listTriggers',
  'dueTriggers',
]);

/** The port over a way to carry out operations. */
export function storeOf(call: Call, close: () => Promise<void>): Store {
  return {
    close,
    check: () => call('check'),

    putResources: (puts, by, atMs) => call('putResources', puts, by, atMs),
    getResource: (ref, version) => call('getResource', ref, version),
    listResources: (kind, options) => call('listResources', kind, options),
    deleteResource: (ref, ifVersion) => call('deleteResource', ref, ifVersion),

    commit: (input) => call('commit', input),
    readEvents: (id, afterSeq, limit) => call('readEvents', id, afterSeq, limit),
    getSummary: (id) => call('getSummary', id),
    listSummaries: (options) => call('listSummaries', options),
    pendingEffects: (limit, executionId) => call('pendingEffects', limit, executionId),
    effectDone: (id) => call('effectDone', id),
    findIdempotent: (scope, key, atMs) => call('findIdempotent', scope, key, atMs),
    verifyHistory: (id) => call('verifyHistory', id),

    enqueueTask: (task) => call('enqueueTask', task),
    getTask: (taskId) => call('getTask', taskId),
    livingTasks: () => call('livingTasks'),
    offerTask: (taskId, to, nowMs, offerUntilMs) => call('offerTask', taskId, to, nowMs, offerUntilMs),
    returnOffer: (ref, notBeforeMs) => call('returnOffer', ref, notBeforeMs),
    renewLeases: (instanceId, refs, leaseUntilMs) => call('renewLeases', instanceId, refs, leaseUntilMs),
    reattachTask: (ref, delegate, instanceId, leaseUntilMs) =>
      call('reattachTask', ref, delegate, instanceId, leaseUntilMs),
    extendAllLeases: (untilMs) => call('extendAllLeases', untilMs),
    cancelTask: (taskId, reason, message) => call('cancelTask', taskId, reason, message),
    raiseGeneration: (atMs, notBeforeMs, above) => call('raiseGeneration', atMs, notBeforeMs, above),

    appendLog: (ref, offset, bytes) => call('appendLog', ref, offset, alone(bytes)),
    readLog: (taskId, fromOffset, maxBytes) => call('readLog', taskId, fromOffset, maxBytes),
    logDigest: (taskId) => call('logDigest', taskId),

    seeDelegate: (row) => call('seeDelegate', row),
    getDelegate: (name) => call('getDelegate', name),
    listDelegates: () => call('listDelegates'),
    removeDelegate: (name) => call('removeDelegate', name),
    lockDelegate: (name, because, atMs) => call('lockDelegate', name, because, atMs),
    unlockDelegate: (name) => call('unlockDelegate', name),
    createJoinToken: (row) => call('createJoinToken', row),
    listJoinTokens: () => call('listJoinTokens'),
    revokeJoinToken: (id, atMs) => call('revokeJoinToken', id, atMs),
    redeemJoinToken: (id, secretSha256, delegateName, credential, atMs) =>
      call('redeemJoinToken', id, secretSha256, delegateName, credential, atMs),
    findCredential: (id) => call('findCredential', id),
    findCredentials: (ids) => call('findCredentials', ids),
    renewCredential: (id, secretSha256, next, atMs) => call('renewCredential', id, secretSha256, next, atMs),
    revokeCredentials: (delegateName, atMs) => call('revokeCredentials', delegateName, atMs),

    createApiKey: (row) => call('createApiKey', row),
    findApiKey: (id) => call('findApiKey', id),
    listApiKeys: () => call('listApiKeys'),
    revokeApiKey: (id, atMs) => call('revokeApiKey', id, atMs),
    touchApiKey: (id, atMs) => call('touchApiKey', id, atMs),
    getSetting: (key) => call('getSetting', key),
    setSetting: (key, value) => call('setSetting', key, value),

    ...outsideOf(call),
  };
}

/** What is told to others, and what others start. */
function outsideOf(call: Call): WebhookStore & TriggerStore {
  return {
    createWebhook: (row) => call('createWebhook', row),
    getWebhook: (id) => call('getWebhook', id),
    listWebhooks: () => call('listWebhooks'),
    changeWebhook: (id, change) => call('changeWebhook', id, change),
    deleteWebhook: (id) => call('deleteWebhook', id),
    addDeliveries: (rows) => call('addDeliveries', rows),
    claimDeliveries: (nowMs, untilMs, busy, limit) => call('claimDeliveries', nowMs, untilMs, busy, limit),
    noteAttempt: (id, attempt, next) => call('noteAttempt', id, attempt, next),
    redeliver: (id, atMs) => call('redeliver', id, atMs),
    getDelivery: (id) => call('getDelivery', id),
    listDeliveries: (webhookId, options) => call('listDeliveries', webhookId, options),
    forgetDeliveries: (beforeMs, limit) => call('forgetDeliveries', beforeMs, limit),

    createTrigger: (row) => call('createTrigger', row),
    getTrigger: (ref) => call('getTrigger', ref),
    findTrigger: (id) => call('findTrigger', id),
    listTriggers: (application) => call('listTriggers', application),
    changeTrigger: (ref, change) => call('changeTrigger', ref, change),
    deleteTrigger: (ref) => call('deleteTrigger', ref),
    dueTriggers: (nowMs, limit) => call('dueTriggers', nowMs, limit),
    noteFiring: (id, firing, advance) => call('noteFiring', id, firing, advance),
  };
}

/** The bytes without the rest of the buffer that they may be a window on: a thread is sent whole buffers. */
function alone(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
}
