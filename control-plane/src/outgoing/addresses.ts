import { BlockList, isIP, isIPv6 } from 'node:net';

/**
 * Where requests to receivers may go (docs/decisions/0005-where-webhooks-may-go.md): public addresses over https, and the
 * networks that whoever runs the control plane has named, over http too. Never to where machines find their credentials.
 */
export interface Reach {
  /** Why nothing is sent to this address; undefined: it may be. `protocol` is `https:` or `http:`. */
  refusal(address: string, protocol: string): string | undefined;
}

/** `10.0.0.0/8`, `fd00::/8`, or one address. */
export interface Network {
  readonly address: string;
  readonly prefix: number;
}

export const LOOPBACK_NETWORKS: readonly Network[] = [
  { address: '127.0.0.0', prefix: 8 },
  { address: '::1', prefix: 128 },
];

export function parseNetwork(text: string): Network | undefined {
  const [, address = '', digits] = /^([0-9A-Fa-f:.]+)(?:\/([0-9]{1,3}))?$/.exec(text) ?? [];
  const family = isIP(address);
  if (family === 0) return undefined;
  const bits = family === 6 ? 128 : 32;
  const prefix = digits === undefined ? bits : Number(digits);
  return prefix <= bits ? { address, prefix } : undefined;
}

/** Metadata of the machine and credentials of its tasks; link-local neighbours. No setting opens these. */
const NEVER = blockList(['169.254.0.0/16', 'fe80::/10', 'fd00:ec2::/32']);
/** IPv4 that is not public: this network, private, shared, loopback, documentation, benchmarks, multicast, reserved. */
const INSIDE = blockList([
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
]);
/** All of IPv6 that is public, but what carries IPv4 within it or is for documentation. */
const PUBLIC_V6 = blockList(['2000::/3']);
const NOT_PUBLIC_V6 = blockList(['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']);

export function createReach(allowed: readonly Network[]): Reach {
  const named = new BlockList();
  for (const { address, prefix } of allowed) named.addSubnet(address, prefix, familyOf(address));
  return {
    refusal(address, protocol) {
      const family = familyOf(address);
      if (NEVER.check(address, family)) return `${address} is never sent to`;
      if (named.check(address, family)) return undefined;
      if (!isPublic(address)) return `${address} is not a public address`;
      return protocol === 'https:' ? undefined : `${protocol.replace(':', '')} is not used for public addresses`;
    },
  };
}

/** What can be said of a URL before its name is looked up. */
export function refusalOfUrl(reach: Reach, text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) return 'it is not an http address';
  if (url.username !== '' || url.password !== '') return 'it carries a user or a password';
  if (url.hash !== '') return 'it has a fragment, which is never sent';
  const host = hostOf(url);
  return isIP(host) === 0 ? undefined : reach.refusal(host, url.protocol);
}

/** Without the brackets of IPv6. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1');
}

function isPublic(address: string): boolean {
  if (!isIPv6(address)) return !INSIDE.check(address, 'ipv4');
  return PUBLIC_V6.check(address, 'ipv6') && !NOT_PUBLIC_V6.check(address, 'ipv6');
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4';
}

function blockList(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const text of networks) {
    const network = parseNetwork(text);
    if (network !== undefined) list.addSubnet(network.address, network.prefix, familyOf(network.address));
  }
  return list;
}
