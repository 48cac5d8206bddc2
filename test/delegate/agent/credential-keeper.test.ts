import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { createJoining, type Joining } from '@outrider/control-plane/app/joining.ts';
import { SILENT } from '@outrider/control-plane/app/logger.ts';
import { createMemoryStore, type MemoryStore } from '@outrider/control-plane/store/memory.ts';
import type { Credential } from '@outrider/delegate/agent/credential-file.ts';
import { CredentialKeeper } from '@outrider/delegate/agent/credential-keeper.ts';
import { type RenewAnswer, sha256 } from '@outrider/delegate/agent/renew.ts';
import { parseCredential } from '@outrider/shared/protocol/join-token.ts';
import { CREDENTIAL_OVERLAP_MS, CREDENTIAL_RETRY_MS } from '@outrider/shared/protocol/timings.ts';
import fc from 'fast-check';

const MINUTE_MS = 60_000;
/** Short, so that not too many retries fit in. */
const LIFE_MS = 240 * MINUTE_MS;
const START_MS = Date.UTC(2026, 0, 1);

/** What becomes of a request to renew. */
type Fate = 'answered' | 'lost on its way' | 'done and its answer lost' | 'held';

/** The control plane's own judgement of credentials, on a clock that the test moves. */
class World {
  now = START_MS;
  store: MemoryStore = createMemoryStore();
  joining: Joining = this.#joining();
  readonly machines: Machine[] = [];

  #joining(): Joining {
    let count = 0;
    return createJoining({
      store: this.store,
      clock: { now: () => this.now },
      randomness: { bytes: (length) => new Uint8Array(length).fill(++count) },
      logger: SILENT,
      caFingerprint: null,
      credentialTtlMs: LIFE_MS,
    });
  }

  /** The store is as it was at the snapshot. */
  restore(snapshot: ReturnType<MemoryStore['snapshot']>): void {
    this.store = createMemoryStore(snapshot);
    this.joining = this.#joining();
  }

  async locked(): Promise<boolean> {
    return ((await this.store.getDelegate('one'))?.lock ?? null) !== null;
  }

  async joined(): Promise<Machine> {
    const { token } = await this.joining.create({ delegateName: 'one', uses: 1, expiresAtMs: this.now + 1 }, 'test');
    const request = { joinToken: token, delegateName: 'one', instanceId: 'i', version: '1', secretSha256: '' };
    const { credential, expiresAtMs } = await this.joining.join(request);
    return new Machine(this, {
      bearer: credential,
      expiresAtMs,
      renewAtMs: START_MS + LIFE_MS / 2,
      caCertificatePem: '',
      next: null,
      previous: null,
    });
  }

  /** Time passes for all: what is due happens. */
  async pass(milliseconds: number): Promise<void> {
    const until = this.now + milliseconds;
    for (let round = 0; round < 10_000; round++) {
      const due = this.machines.filter((machine) => machine.dueMs <= until).toSorted((a, b) => a.dueMs - b.dueMs)[0];
      if (due === undefined) break;
      this.now = Math.max(this.now, due.dueMs);
      await due.runDue();
    }
    this.now = until;
  }
}

/** A delegate with its disk, and the little that its connection does with the keeper. */
class Machine {
  readonly #world: World;
  disk: Credential;
  keeper: CredentialKeeper;
  fate: Fate = 'answered';
  diskFull = false;
  connected = false;
  rejoins = 0;
  renewals = 0;
  readonly #released = Promise.withResolvers<void>();
  #timer: { readonly atMs: number; readonly run: () => void } | undefined;
  #asking: Promise<unknown> = Promise.resolve();

  constructor(world: World, disk: Credential) {
    this.#world = world;
    this.disk = disk;
    this.keeper = this.#boot();
    world.machines.push(this);
  }

  get dueMs(): number {
    return this.#timer?.atMs ?? Number.POSITIVE_INFINITY;
  }

  #boot(): CredentialKeeper {
    const world = this.#world;
    this.#timer = undefined;
    this.connected = false;
    return new CredentialKeeper({
      credential: this.disk,
      store: (credential) => {
        if (this.diskFull) throw new Error('ENOSPC');
        this.disk = credential;
      },
      askToRenew: (_pem, bearer, nextBearer) => {
        const asked = this.#ask(bearer, nextBearer);
        this.#asking = asked;
        return asked;
      },
      rejoin: async () => {
        this.rejoins += 1;
        return undefined;
      },
      now: () => world.now,
      random: () => 0.5,
      newSecret: () => randomBytes(32).toString('base64url'),
      timers: {
        after: (milliseconds, run) => {
          const timer = { atMs: world.now + milliseconds, run };
          this.#timer = timer;
          return () => {
            if (this.#timer === timer) this.#timer = undefined;
          };
        },
      },
      logger: SILENT,
    });
  }

  async #ask(bearer: string, nextBearer: string): Promise<RenewAnswer> {
    if (this.fate === 'held') await this.#released.promise;
    if (this.fate === 'lost on its way') return { kind: 'unreachable', why: 'no answer' };
    const nextSecretSha256 = sha256(parseCredential(nextBearer)?.secret ?? '');
    const outcome = await this.#world.joining.renew({ bearer }, { nextSecretSha256, instanceId: 'i' });
    if (this.fate === 'done and its answer lost') return { kind: 'unreachable', why: 'no answer' };
    if (outcome.kind !== 'ok') return { kind: 'refused', why: outcome.because };
    this.renewals += 1;
    return outcome;
  }

  async runDue(): Promise<void> {
    const timer = this.#timer;
    this.#timer = undefined;
    timer?.run();
    // The request, and what the keeper makes of its answer.
    if (this.fate === 'held') return;
    for (let turn = 0; turn < 20; turn++) await this.#asking.then(() => Promise.resolve());
  }

  /** What was held on its way arrives. */
  async release(): Promise<void> {
    this.#released.resolve();
    await this.#asking;
  }

  /** The process is gone, with all that it had not written. */
  crash(): void {
    this.keeper.close();
    this.keeper = this.#boot();
  }

  drop(): void {
    this.connected = false;
    this.keeper.left();
  }

  /** Dials until it is let in or has nothing more to show. */
  async connect(): Promise<boolean> {
    if (this.connected) return true;
    for (let attempt = 0; attempt < 8; attempt++) {
      const bearer = this.keeper.access().bearer ?? '';
      const verdict = await this.#world.joining.authenticate({ bearer, beginsSession: true });
      if (verdict.kind === 'ok') {
        this.keeper.welcomed(2);
        this.connected = true;
        return true;
      }
      if (!(await this.keeper.refused())) return false;
    }
    return false;
  }
}

const generationOf = async (world: World, machine: Machine) =>
  (await world.store.findCredential(parseCredential(machine.disk.bearer)?.id ?? ''))?.generation;

describe('the keeper of a credential', () => {
  test('a delegate that stays connected renews half way, again and again, and needs no token', async () => {
    const world = new World();
    const machine = await world.joined();
    assert.equal(await machine.connect(), true);
    await world.pass(LIFE_MS * 3);
    assert.equal(machine.renewals, 6);
    assert.equal(await generationOf(world, machine), 7);
    assert.ok(machine.disk.expiresAtMs > world.now);
    machine.drop();
    assert.equal(await machine.connect(), true);
    assert.equal(machine.rejoins, 0);
  });

  test('a control plane of protocol 1 is never asked to renew', async () => {
    const world = new World();
    const machine = await world.joined();
    const { bearer } = machine.keeper.access();
    machine.keeper.welcomed(1);
    await world.pass(LIFE_MS);
    assert.equal(machine.disk.next, null);
    assert.equal(machine.keeper.access().bearer, bearer);
  });

  test('a renewal is not asked for before its secret is on the disk', async () => {
    const world = new World();
    const machine = await world.joined();
    machine.diskFull = true;
    await machine.connect();
    await world.pass(LIFE_MS / 2 + 10 * MINUTE_MS);
    assert.equal(await generationOf(world, machine), 1);
    machine.diskFull = false;
    await world.pass(CREDENTIAL_RETRY_MS * 2);
    assert.equal(await generationOf(world, machine), 2);
  });

  for (const crashes of [false, true]) {
    const end = crashes ? ', and the process is killed' : '';
    test(`a renewal whose answer is lost${end}: the delegate comes in with what it has stored`, async () => {
      const world = new World();
      const machine = await world.joined();
      machine.fate = 'done and its answer lost';
      await machine.connect();
      await world.pass(LIFE_MS / 2 + 10 * MINUTE_MS);
      assert.equal(await generationOf(world, machine), 2);
      assert.notEqual(machine.disk.next, null);
      machine.fate = 'answered';
      if (crashes) machine.crash();
      else machine.drop();
      assert.equal(await machine.connect(), true);
      assert.equal(await world.locked(), false);
      await world.pass(LIFE_MS);
      assert.ok(machine.disk.expiresAtMs > world.now);
    });
  }

  test('a renewal that arrives while the delegate dials again locks nobody out', async () => {
    const world = new World();
    const machine = await world.joined();
    await machine.connect();
    machine.fate = 'held';
    await world.pass(LIFE_MS / 2 + MINUTE_MS);
    machine.crash();
    const verdicts = [];
    for (let attempt = 0; attempt < 3; attempt++) {
      const bearer = machine.keeper.access().bearer ?? '';
      const verdict = await world.joining.authenticate({ bearer, beginsSession: true });
      verdicts.push(verdict.kind === 'ok' ? 'ok' : verdict.because);
      if (verdict.kind === 'ok') break;
      if (attempt === 0) await machine.release();
      assert.equal(await machine.keeper.refused(), true);
    }
    assert.deepEqual(verdicts, [
      'the credential is not known',
      'the credential has been renewed; its newer generation counts',
      'ok',
    ]);
    assert.equal(machine.rejoins, 0);
  });

  test('a delegate whose renewal is newer than the backup that the control plane came back from goes on with the older one', async () => {
    const world = new World();
    const machine = await world.joined();
    await machine.connect();
    const backup = world.store.snapshot();
    await world.pass(LIFE_MS / 2 + 10 * MINUTE_MS);
    assert.equal(await generationOf(world, machine), 2);
    world.restore(backup);
    machine.drop();
    assert.equal(await machine.connect(), true);
    assert.equal(machine.rejoins, 0);
    await world.pass(10 * MINUTE_MS);
    assert.equal(await generationOf(world, machine), 2);
    assert.equal(await world.locked(), false);
  });

  test('whatever is lost, killed or full, a rightful delegate is never locked out', async () => {
    const event = fc.oneof(
      fc.constantFrom<Fate>('answered', 'lost on its way', 'done and its answer lost').map((fate) => ({ fate })),
      fc.constantFrom('crash', 'drop', 'connect', 'disk full', 'disk has room').map((what) => ({ what })),
      fc.integer({ min: 1, max: 50 * MINUTE_MS }).map((passMs) => ({ passMs })),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 40 }), async (events) => {
        const world = new World();
        const machine = await world.joined();
        for (const each of events) {
          if ('fate' in each) machine.fate = each.fate;
          else if ('passMs' in each) {
            // No longer than a credential lasts without being renewed: it would rightly end.
            machine.connected ||= await machine.connect();
            await world.pass(each.passMs);
          } else if (each.what === 'crash') machine.crash();
          else if (each.what === 'drop') machine.drop();
          else if (each.what === 'connect') await machine.connect();
          else machine.diskFull = each.what === 'disk full';
          assert.equal(await world.locked(), false);
          const row = await world.store.findCredential(parseCredential(machine.disk.bearer)?.id ?? '');
          if (row === undefined || row.expiresAtMs <= world.now) return;
          assert.equal(await machine.connect(), true, 'it is let in as long as its credential lasts');
        }
      }),
      { numRuns: 300 },
    );
  });

  test('of two machines with one key, whenever it was copied, none is let in once each has renewed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 3 }), fc.boolean(), async (renewals, copyIsFirst) => {
        const world = new World();
        const rightful = await world.joined();
        await rightful.connect();
        await world.pass((LIFE_MS / 2) * renewals + 10 * MINUTE_MS);
        const copy = new Machine(world, rightful.disk);
        const [first, second] = copyIsFirst ? [copy, rightful] : [rightful, copy];
        second.drop();
        await first.connect();
        await world.pass(LIFE_MS / 2);
        first.drop();
        await world.pass(CREDENTIAL_OVERLAP_MS);
        assert.equal(await second.connect(), false);
        assert.equal(await first.connect(), false);
        assert.equal(await world.locked(), true);
      }),
      { numRuns: 20 },
    );
  });
});
