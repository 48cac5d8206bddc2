import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { createJoining, OPEN_DOOR } from '@outrider/control-plane/app/joining.ts';
import { SILENT } from '@outrider/control-plane/app/logger.ts';
import { startGrpcServer } from '@outrider/control-plane/grpc/server.ts';
import { createMemoryStore } from '@outrider/control-plane/store/memory.ts';
import { issueServerCertificate, loadAuthority } from '@outrider/control-plane/tls/authority.ts';
import { createTlsIdentity } from '@outrider/control-plane/tls/identity.ts';
import { askToJoin, fetchCaCertificate } from '@outrider/delegate/agent/join.ts';
import { OutriderError } from '@outrider/shared/errors.ts';
import { CLOCK, done, RANDOMNESS, Rig, TIMERS, tokenOf } from '../../delegate/agent/rig.ts';
import { eventually } from '../../support/processes.ts';

const refused = (message: RegExp) => (thrown: unknown) => {
  assert.ok(thrown instanceof OutriderError, String(thrown));
  assert.equal(thrown.code, 'join-refused');
  assert.match(thrown.message, message);
  assert.notEqual(thrown.hint, '');
  return true;
};

describe('joining over TLS', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await Rig.start({ tls: true });
  });
  afterEach(() => rig.close());
  const ended = (id: string) =>
    eventually(`${id} has ended`, async () => ((await rig.row(id)).state === 'ended' ? true : undefined));

  test('a delegate joins with a token, works, and comes back without it', async () => {
    const joinToken = await rig.joinToken('one');
    const first = await rig.delegate('one', async () => done(), { joinToken });
    await ended(await rig.enqueue('p1.1'));
    await first.stop();
    // The token is used up, and not needed any more.
    await rig.delegate('one', async () => done(), { joinToken });
    await ended(await rig.enqueue('p1.2'));
  });

  test('the credential is kept where only its owner can read it, and the token is not kept at all', async () => {
    const joinToken = await rig.joinToken('one');
    await rig.delegate('one', async () => done(), { joinToken });
    const [folder] = readdirSync(path.join(rig.directory, 'delegates'));
    const file = path.join(rig.directory, 'delegates', folder ?? '', 'credential.json');
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const text = readFileSync(file, 'utf8');
    assert.match(text, /odc_/);
    assert.ok(!text.includes(joinToken?.secret ?? '-'));
    const stored = JSON.stringify([await rig.store.listJoinTokens(), await rig.store.listDelegates()]);
    assert.ok(!stored.includes(joinToken?.secret ?? '-'));
  });

  test('a token that was made by another control plane is not even shown to this one', async () => {
    const { token } = await createJoining({
      store: createMemoryStore(),
      clock: CLOCK,
      randomness: RANDOMNESS,
      logger: SILENT,
      caFingerprint: 'A'.repeat(43),
    }).create({ delegateName: null, uses: 1, expiresAtMs: Date.now() + 60_000 }, 'test');
    await assert.rejects(
      rig.delegate('one', async () => done(), { joinToken: tokenOf(token) }),
      refused(/other fingerprints/),
    );
  });

  test('a used-up, an expired, a revoked and a foreign token each say what is wrong', async () => {
    const once = await rig.joinToken(null);
    await (await rig.delegate('one', async () => done(), { joinToken: once })).stop();
    const start = (name: string, joinToken: Awaited<ReturnType<Rig['joinToken']>>) =>
      rig.delegate(name, async () => done(), { joinToken });
    await assert.rejects(start('two', once), refused(/was used already/));
    const brief = await rig.joinToken(null, 1, 1);
    await eventually('it is over', async () =>
      (await rig.joining.list()).some((t) => t.expiresAtMs < Date.now()) ? true : undefined,
    );
    await assert.rejects(start('two', brief), refused(/has expired/));
    const revoked = await rig.joinToken(null);
    assert.equal(await rig.joining.revoke(revoked?.id ?? ''), true);
    await assert.rejects(start('two', revoked), refused(/was revoked/));
    await assert.rejects(start('two', await rig.joinToken('three')), refused(/another delegate name/));
    assert.ok(once !== null);
    await assert.rejects(
      start('two', { ...once, text: once.text.replace(once.secret, 'x'.repeat(43)) }),
      refused(/not known/),
    );
  });

  test('a token for any number of uses lets one name in again and again', async () => {
    const joinToken = await rig.joinToken('one', null);
    for (const round of ['a', 'b']) {
      const delegate = await rig.delegate('one', async () => done(), {
        joinToken,
        dataDir: path.join(rig.directory, round),
      });
      await eventually('it is connected', () => (delegate.connected ? true : undefined));
      await delegate.stop();
    }
  });

  test('a delegate without a token that has never joined says what to do', async () => {
    await assert.rejects(
      rig.delegate('one', async () => done()),
      refused(/OUTRIDER_JOIN_TOKEN is missing/),
    );
  });

  test('a delegate whose credential was revoked joins again with a token that still counts', async () => {
    const joinToken = await rig.joinToken('one', null);
    const delegate = await rig.delegate('one', async () => done(), { joinToken });
    await eventually('it is connected', () => (delegate.connected ? true : undefined));
    await rig.store.revokeCredentials('one', Date.now());
    rig.dispatcher.disconnect('one', 'revoked');
    await eventually('it has noticed', () => (delegate.connected ? undefined : true));
    await eventually('it is back', () => (delegate.connected ? true : undefined));
  });

  test('a delegate whose credential was revoked stays outside without one', async () => {
    const joinToken = await rig.joinToken('one', 1);
    const delegate = await rig.delegate('one', async () => done(), { joinToken });
    await eventually('it is connected', () => (delegate.connected ? true : undefined));
    await rig.store.revokeCredentials('one', Date.now());
    rig.dispatcher.disconnect('one', 'revoked');
    const id = await rig.enqueue('p1.1');
    const before = Date.now();
    await eventually('it has had time to try', () => (Date.now() - before > 400 ? true : undefined));
    assert.equal(delegate.connected, false);
    assert.equal((await rig.row(id)).state, 'queued');
  });

  test('a delegate cannot come under another name than that of its credential', async () => {
    const joinToken = await rig.joinToken('one', 1);
    await (await rig.delegate('one', async () => done(), { joinToken })).stop();
    const from = path.join(rig.directory, 'delegates');
    const [folder] = readdirSync(from);
    const credential = readFileSync(path.join(from, folder ?? '', 'credential.json'));
    const other = await rig.delegate('two', async () => done(), { joinToken: await rig.joinToken('two', 1) });
    await other.stop();
    const theirs = readdirSync(from).find((entry) => entry.startsWith('two-')) ?? '';
    writeFileSync(path.join(from, theirs, 'credential.json'), credential);
    const impostor = await rig.delegate('two', async () => done());
    const before = Date.now();
    await eventually('it has had time to try', () => (Date.now() - before > 300 ? true : undefined));
    assert.equal(impostor.connected, false);
  });

  test('a control plane that is not there yet is waited for', async () => {
    const joinToken = await rig.joinToken('one');
    await rig.killControlPlane();
    const starting = rig.delegate('one', async () => done(), { joinToken });
    await rig.restartControlPlane();
    const delegate = await starting;
    await eventually('it is connected', () => (delegate.connected ? true : undefined));
  });

  test('a host that the certificate does not carry is told of, with what to set', async () => {
    const joinToken = await rig.joinToken('one');
    const pin = joinToken?.caFingerprint ?? '';
    await assert.rejects(
      fetchCaCertificate({ host: '127.0.0.1', port: rig.server.port }, pin, 'outrider.example.com'),
      (thrown: unknown) => {
        assert.ok(refused(/not for outrider.example.com/)(thrown) && thrown instanceof OutriderError);
        assert.match(thrown.hint, /OUTRIDER_PUBLIC_NAMES/);
        return true;
      },
    );
  });
});

describe('the control plane as its own certificate authority', () => {
  const dependencies = () => ({ store: createMemoryStore(), clock: CLOCK, timers: TIMERS, logger: SILENT });

  test('the CA is made once and stays in the store; server certificates are made anew', async () => {
    const parts = dependencies();
    const source = { kind: 'own-ca', publicNames: ['outrider.example.com', '10.0.0.7'] } as const;
    const one = await createTlsIdentity(source, parts);
    const two = await createTlsIdentity(source, parts);
    one.close();
    two.close();
    assert.equal(one.caFingerprint, two.caFingerprint);
    assert.equal(one.caFingerprint.length, 43);
    assert.notEqual(one.current().certificateChainPem, two.current().certificateChainPem);
    const certificate = new X509Certificate(one.current().certificateChainPem);
    const ca = new X509Certificate(one.caCertificatePem);
    assert.equal(certificate.verify(ca.publicKey), true);
    assert.equal(ca.ca, true);
    assert.equal(certificate.ca, false);
    for (const name of ['localhost', 'outrider.example.com']) assert.equal(certificate.checkHost(name), name);
    for (const address of ['127.0.0.1', '10.0.0.7', '::1']) assert.equal(certificate.checkIP(address), address);
    assert.equal(certificate.checkHost('evil.example.com'), undefined);
  });

  test('two control planes that start at once agree on one CA', async () => {
    const { store } = dependencies();
    const made = await Promise.all([...Array(4)].map(() => loadAuthority({ store, clock: CLOCK })));
    assert.equal(new Set(made.map((authority) => authority.certificatePem)).size, 1);
  });

  test('a certificate is renewed before it expires', async () => {
    let now = Date.now();
    const timers: { run: () => void; atMs: number }[] = [];
    const parts = {
      store: createMemoryStore(),
      clock: { now: () => now },
      timers: {
        after: (milliseconds: number, run: () => void) => {
          timers.push({ run, atMs: now + milliseconds });
          return () => {};
        },
      },
      logger: SILENT,
    };
    const identity = await createTlsIdentity({ kind: 'own-ca', publicNames: [] }, parts);
    const first = identity.current();
    const renewed = Promise.withResolvers<string>();
    identity.onRenewed((material) => renewed.resolve(material.certificateChainPem));
    const expires = new Date(new X509Certificate(first.certificateChainPem).validTo).getTime();
    for (let look = 0; look < 1_000 && identity.current() === first; look++) {
      const timer = timers.shift();
      if (timer === undefined) break;
      now = timer.atMs;
      timer.run();
      await eventually('the next look', () => (timers.length > 0 ? true : undefined));
    }
    assert.ok(now < expires - 20 * 86_400_000, 'weeks before');
    assert.notEqual(await renewed.promise, first.certificateChainPem);
    assert.equal((await renewed.promise) === identity.current().certificateChainPem, true);
    identity.close();
  });

  test('a connection to a host for which the certificate is not is not made, whoever signed it', async () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'outrider-tls-'));
    const parts = dependencies();
    const authority = await loadAuthority(parts);
    const issued = await issueServerCertificate(authority, ['outrider.example.com'], Date.now());
    const [certFile, keyFile] = [path.join(directory, 'cert.pem'), path.join(directory, 'key.pem')];
    writeFileSync(certFile, issued.certificateChainPem);
    writeFileSync(keyFile, issued.privateKeyPem);
    const identity = await createTlsIdentity({ kind: 'files', certFile, keyFile }, parts);
    const server = await startGrpcServer({
      ...parts,
      address: { host: '127.0.0.1', port: 0 },
      security: { kind: 'tls', identity },
      gateway: { open: async () => assert.fail('nobody gets in'), openLogs: () => undefined, drain: () => {} },
      authenticator: OPEN_DOOR,
      joining: null,
      timings: { shutdownGraceMs: 10 },
    });
    try {
      const request = { joinToken: 'ojt_1_secret', delegateName: 'd', instanceId: 'i', version: '1', secretSha256: '' };
      const joining = askToJoin({ host: '127.0.0.1', port: server.port }, identity.caCertificatePem, request);
      await assert.rejects(joining, (thrown: unknown) => {
        assert.ok(thrown instanceof OutriderError && thrown.code === 'unreachable');
        assert.match(thrown.message, /does not match certificate's altnames/);
        return true;
      });
    } finally {
      await server.close();
      rmSync(directory, { recursive: true, force: true });
    }
  });

  test('given certificate files are used, and the last one of the chain is what tokens pin', async () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'outrider-tls-'));
    try {
      const authority = await loadAuthority(dependencies());
      const issued = await issueServerCertificate(authority, ['localhost'], Date.now());
      const certFile = path.join(directory, 'cert.pem');
      const keyFile = path.join(directory, 'key.pem');
      writeFileSync(certFile, issued.certificateChainPem);
      writeFileSync(keyFile, issued.privateKeyPem);
      const identity = await createTlsIdentity({ kind: 'files', certFile, keyFile }, dependencies());
      assert.equal(new X509Certificate(identity.caCertificatePem).subject, 'CN=Outrider CA');
      const other = await issueServerCertificate(authority, ['localhost'], Date.now());
      writeFileSync(keyFile, other.privateKeyPem);
      for (const [cert, key, message] of [
        [certFile, keyFile, /is not the key of the certificate/],
        [certFile, path.join(directory, 'none.pem'), /OUTRIDER_TLS_KEY: .* cannot be read/],
        [keyFile, keyFile, /holds no certificate/],
      ] as const) {
        await assert.rejects(
          createTlsIdentity({ kind: 'files', certFile: cert, keyFile: key }, dependencies()),
          (thrown: unknown) => {
            assert.ok(thrown instanceof OutriderError && thrown.code === 'configuration-invalid');
            assert.match(thrown.message, message);
            return true;
          },
        );
      }
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});

describe('join tokens', () => {
  const joining = () =>
    createJoining({
      store: createMemoryStore(),
      clock: CLOCK,
      randomness: RANDOMNESS,
      logger: SILENT,
      caFingerprint: 'B'.repeat(43),
    });

  test('a token without a limit of uses must be bound to a name', async () => {
    await assert.rejects(
      joining().create({ delegateName: null, uses: null, expiresAtMs: Date.now() + 1_000 }, 'me'),
      (thrown: unknown) => {
        assert.ok(thrown instanceof OutriderError && thrown.code === 'request-invalid');
        assert.equal(thrown.problems[0]?.pointer, '/delegateName');
        return true;
      },
    );
  });

  test('the list shows everything but the secret', async () => {
    const one = joining();
    const { info, token } = await one.create({ delegateName: 'd', uses: 2, expiresAtMs: Date.now() + 1_000 }, 'me');
    const listed = await one.list();
    assert.deepEqual(listed, [info]);
    assert.ok(!JSON.stringify(listed).includes(tokenOf(token)?.secret ?? '-'));
    assert.match(token, /^ojt_[0-9a-f]{16}_[A-Za-z0-9_-]{43}\.B{43}$/);
  });

  test('a credential counts until it expires, is revoked, or is not the one that was given', async () => {
    let now = Date.now();
    const store = createMemoryStore();
    const one = createJoining({
      store,
      clock: { now: () => now },
      randomness: RANDOMNESS,
      logger: SILENT,
      caFingerprint: null,
    });
    const { token } = await one.create({ delegateName: 'd', uses: 1, expiresAtMs: now + 1_000 }, 'me');
    const { credential, expiresAtMs } = await one.join({
      joinToken: token,
      delegateName: 'd',
      instanceId: 'i',
      secretSha256: '',
      version: '1',
    });
    const verdict = async (bearer: string | undefined) => (await one.authenticate({ bearer })).kind;
    assert.equal(await verdict(credential), 'ok');
    assert.equal(await verdict(undefined), 'refused');
    assert.equal(await verdict(`${credential.slice(0, -1)}x`), 'refused');
    assert.equal(await verdict(token), 'refused');
    now = expiresAtMs;
    assert.equal(await verdict(credential), 'refused');
    now -= 1;
    assert.equal(await verdict(credential), 'ok');
    await store.revokeCredentials('d', now);
    assert.equal(await verdict(credential), 'refused');
  });
});
