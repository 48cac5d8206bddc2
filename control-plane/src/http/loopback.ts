import { isIP, isIPv4 } from 'node:net';

/** Whether a name or address can only mean this machine. */
export function isLoopbackHost(host: string): boolean {
  const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
  if (bare.toLowerCase() === 'localhost') return true;
  if (isIPv4(bare)) return bare.startsWith('127.');
  return isIP(bare) === 6 && /^(0*:)*0*1$/.test(bare);
}

/**
 * Whether a request to the keyless loopback listener comes from this machine's own tools and pages. A name that was
 * rebound to 127.0.0.1 carries its own Host; a page of another site carries its Origin. Both are refused.
 */
export function isLocalRequest(host: string | undefined, origin: string | undefined): boolean {
  if (host === undefined) return false;
  const name = /^(\[[^\]]*\]|[^:]*)(?::[0-9]{1,5})?$/.exec(host)?.[1];
  if (name === undefined || !isLoopbackHost(name)) return false;
  return origin === undefined || origin === `http://${host}`;
}
