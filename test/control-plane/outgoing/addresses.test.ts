import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  createReach,
  LOOPBACK_NETWORKS,
  type Network,
  parseNetwork,
  refusalOfUrl,
} from '../../../control-plane/src/outgoing/addresses.ts';

const networks = (...texts: readonly string[]): Network[] =>
  texts.map((text) => parseNetwork(text) ?? assert.fail(`${text} is a network`));

describe('where webhooks may go', () => {
  const reach = createReach([]);
  for (const address of ['1.1.1.1', '8.8.8.8', '172.15.0.1', '172.32.0.1', '100.63.0.1', '2606:4700::1111']) {
    test(`${address} is public: over https`, () => {
      assert.equal(reach.refusal(address, 'https:'), undefined);
      assert.match(reach.refusal(address, 'http:') ?? '', /http is not used for public addresses/);
    });
  }

  for (const address of [
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '127.255.255.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '198.18.0.1',
    '203.0.113.9',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:10.0.0.1',
    '64:ff9b::a00:1',
    'fc00::1',
    'fd12::1',
    'ff02::1',
    '2001:db8::1',
    '2002:7f00:1::',
  ]) {
    test(`${address} is not public`, () => assert.match(reach.refusal(address, 'https:') ?? '', /not a public/));
  }

  for (const address of ['169.254.169.254', '169.254.170.2', 'fe80::1', 'fd00:ec2::254', '::ffff:169.254.169.254']) {
    test(`${address} is never reached, whatever is allowed`, () => {
      const open = createReach(networks('0.0.0.0/0', '::/0'));
      assert.match(open.refusal(address, 'https:') ?? '', /never sent to/);
    });
  }

  test('networks that are named are reached, over http too, and no others', () => {
    const inside = createReach(networks('10.0.0.0/8', 'fd12::/16', '192.168.1.7'));
    for (const address of ['10.9.9.9', 'fd12::7', '192.168.1.7'])
      assert.equal(inside.refusal(address, 'http:'), undefined);
    for (const address of ['11.0.0.1', 'fd13::7', '192.168.1.8', '127.0.0.1']) {
      assert.notEqual(inside.refusal(address, 'http:'), undefined, address);
    }
  });

  for (const text of ['', '10.0.0.0/33', '::/129', '10.0.0', 'example.com', '10.0.0.0/-1', '10.0.0.0/8/8']) {
    test(`${JSON.stringify(text)} is no network`, () => assert.equal(parseNetwork(text), undefined));
  }
});

describe('the address of a webhook', () => {
  const reach = createReach(LOOPBACK_NETWORKS);
  test('may be a name, which is judged when it is looked up', () => {
    assert.equal(refusalOfUrl(reach, 'https://receiver.example/hook?a=b'), undefined);
    assert.equal(refusalOfUrl(reach, 'http://[::1]:1/'), undefined);
  });

  for (const url of [
    'https://user:secret@receiver.example/',
    'https://receiver.example/#part',
    'ftp://receiver.example/',
    'https://10.0.0.1/',
    'https://0x0a000001/',
    'https://167772161/',
    'https://[::ffff:169.254.169.254]/',
    'not a url',
  ]) {
    test(`is not ${url}`, () => assert.notEqual(refusalOfUrl(reach, url), undefined));
  }

  test('in any spelling of an address is the address', () => {
    for (const url of ['http://127.1/', 'http://2130706433/', 'http://0x7f.0.0.1/']) {
      assert.equal(refusalOfUrl(reach, url), undefined);
      assert.match(refusalOfUrl(createReach([]), url) ?? '', /127\.0\.0\.1 is not a public address/);
    }
  });
});
