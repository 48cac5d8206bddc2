import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { OutriderError } from '@outrider/shared/errors.ts';
import { controlPlaneConfig, formatAddress, parseListenAddress } from '../../control-plane/src/config.ts';
import { isLoopbackHost } from '../../control-plane/src/http/loopback.ts';

function refused(environment: Readonly<Record<string, string>>): OutriderError {
  try {
    controlPlaneConfig(environment);
  } catch (thrown) {
    assert.ok(thrown instanceof OutriderError);
    assert.equal(thrown.code, 'configuration-invalid');
    return thrown;
  }
  return assert.fail(`${JSON.stringify(environment)} was taken`);
}

describe('the configuration of the control plane', () => {
  test('without any variable it is the documented one', () => {
    assert.deepEqual(controlPlaneConfig({}), {
      http: { host: '127.0.0.1', port: 8800 },
      grpc: { host: '127.0.0.1', port: 8801 },
      store: 'sqlite:.outrider/outrider.db',
      dataDir: '.outrider',
      insecure: false,
      tls: { kind: 'own-ca', publicNames: [] },
      bootstrapKey: null,
      logLevel: 'info',
      webhookNetworks: [],
    });
  });

  test('an empty variable is as good as none', () => {
    assert.deepEqual(controlPlaneConfig({ OUTRIDER_HTTP_ADDR: '', OUTRIDER_INSECURE: '' }), controlPlaneConfig({}));
  });

  test('all variables are heeded', () => {
    const config = controlPlaneConfig({
      OUTRIDER_HTTP_ADDR: '0.0.0.0:443',
      OUTRIDER_GRPC_ADDR: '[::]:8443',
      OUTRIDER_STORE: 'postgres://outrider@db/outrider',
      OUTRIDER_DATA_DIR: '/var/lib/outrider',
      OUTRIDER_TLS_CERT: 'cert.pem',
      OUTRIDER_TLS_KEY: 'key.pem',
      OUTRIDER_BOOTSTRAP_KEY: 'a-long-enough-key',
      OUTRIDER_LOG_LEVEL: 'debug',
    });
    assert.deepEqual(config.http, { host: '0.0.0.0', port: 443 });
    assert.deepEqual(config.grpc, { host: '::', port: 8443 });
    assert.deepEqual(config.tls, { kind: 'files', certFile: 'cert.pem', keyFile: 'key.pem' });
    assert.equal(config.bootstrapKey, 'a-long-enough-key');
  });

  test('public names are separated by commas', () => {
    const { tls } = controlPlaneConfig({ OUTRIDER_PUBLIC_NAMES: 'outrider.example, 10.0.0.7,' });
    assert.deepEqual(tls, { kind: 'own-ca', publicNames: ['outrider.example', '10.0.0.7'] });
  });

  for (const [variable, value, says] of [
    ['OUTRIDER_HTTP_ADDR', 'localhost', /OUTRIDER_HTTP_ADDR \("localhost"\) is not HOST:PORT/],
    ['OUTRIDER_HTTP_ADDR', '127.0.0.1:99999', /OUTRIDER_HTTP_ADDR/],
    ['OUTRIDER_GRPC_ADDR', '::1:8801', /OUTRIDER_GRPC_ADDR/],
    ['OUTRIDER_STORE', 'mysql://x', /OUTRIDER_STORE .*is not the address of a store/],
    ['OUTRIDER_INSECURE', 'yes', /OUTRIDER_INSECURE \("yes"\) is neither 0 nor 1/],
    ['OUTRIDER_LOG_LEVEL', 'loud', /OUTRIDER_LOG_LEVEL .*trace, debug, info/],
    ['OUTRIDER_BOOTSTRAP_KEY', 'short', /OUTRIDER_BOOTSTRAP_KEY is not 16 to 512/],
    ['OUTRIDER_TLS_CERT', 'cert.pem', /OUTRIDER_TLS_KEY is missing/],
    ['OUTRIDER_TLS_KEY', 'key.pem', /OUTRIDER_TLS_CERT is missing/],
  ] as const) {
    test(`${variable}=${value} is refused by name, with what to do`, () => {
      const error = refused({ [variable]: value });
      assert.match(error.message, says);
      assert.notEqual(error.hint, '');
    });
  }

  test('a wrong bootstrap key is not repeated', () => {
    assert.doesNotMatch(refused({ OUTRIDER_BOOTSTRAP_KEY: 'sesame' }).message, /sesame/);
  });

  test('everything that is wrong is told at once', () => {
    const error = refused({ OUTRIDER_HTTP_ADDR: 'x', OUTRIDER_STORE: 'y', OUTRIDER_LOG_LEVEL: 'z' });
    assert.equal(error.problems.length, 3);
    assert.match(error.message, /^3 variables are wrong$/);
  });

  test('insecure mode is for loopback addresses alone', () => {
    assert.equal(controlPlaneConfig({ OUTRIDER_INSECURE: '1', OUTRIDER_HTTP_ADDR: '[::1]:1' }).insecure, true);
    const error = refused({
      OUTRIDER_INSECURE: '1',
      OUTRIDER_HTTP_ADDR: '0.0.0.0:8800',
      OUTRIDER_GRPC_ADDR: '10.0.0.1:1',
    });
    assert.deepEqual(
      error.problems.map(({ message }) => /OUTRIDER_(HTTP|GRPC)_ADDR/.exec(message)?.[0]),
      ['OUTRIDER_HTTP_ADDR', 'OUTRIDER_GRPC_ADDR'],
    );
  });
});

describe('addresses', () => {
  for (const [text, address] of [
    ['127.0.0.1:0', { host: '127.0.0.1', port: 0 }],
    [':8800', { host: '127.0.0.1', port: 8800 }],
    ['[::1]:65535', { host: '::1', port: 65_535 }],
    ['outrider.example:443', { host: 'outrider.example', port: 443 }],
    ['8800', undefined],
    ['host:', undefined],
    ['[127.0.0.1]:1', undefined],
    ['a b:1', undefined],
    ['host:65536', undefined],
  ] as const) {
    test(`${text} is ${address === undefined ? 'none' : formatAddress(address)}`, () => {
      assert.deepEqual(parseListenAddress(text), address);
    });
  }

  for (const [host, loopback] of [
    ['localhost', true],
    ['LOCALHOST', true],
    ['127.0.0.1', true],
    ['127.255.1.2', true],
    ['::1', true],
    ['[::1]', true],
    ['0:0:0:0:0:0:0:1', true],
    ['128.0.0.1', false],
    ['0.0.0.0', false],
    ['::', false],
    ['127.0.0.1.example', false],
    ['localhost.example', false],
    ['::ffff:10.0.0.1', false],
    ['', false],
  ] as const) {
    test(`${host} ${loopback ? 'is' : 'is not'} this machine`, () => {
      assert.equal(isLoopbackHost(host), loopback);
    });
  }
});
