import { createHash, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { checkServerIdentity, connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls';
import { OutriderError } from '@outrider/shared/errors.ts';
import { encodeJoinRequest } from '@outrider/shared/protocol/codec.ts';
import type { JoinRequest, JoinResponse } from '@outrider/shared/protocol/messages.ts';
import { DELEGATE_SERVICE } from '@outrider/shared/protocol/service.ts';
import { CERTIFICATE_CHAIN_MAX, CONNECT_WATCHDOG_MS } from '@outrider/shared/protocol/timings.ts';
import { onAbort } from './abort.ts';
import { openChannel } from './channel.ts';
import { type Address, formatAddress } from './config.ts';
import { callOnce } from './unary.ts';

/**
 * The certificate (PEM) whose SHA-256 the join token carries, as the control plane presents it. Nothing secret is sent before it
 * is found: whoever sits in between cannot present it with a certificate that it signed. `name`: whom that must be for.
 * @throws unreachable, join-refused
 */
export async function fetchCaCertificate(
  address: Address,
  fingerprint: string,
  name: string = address.host,
  signal?: AbortSignal,
): Promise<string> {
  const chain = await presentedChain(address, name, signal);
  const found = chain.find((raw) => createHash('sha256').update(raw).digest('base64url') === fingerprint);
  if (found === undefined) {
    throw new OutriderError(
      'join-refused',
      `What answers at ${formatAddress(address)} is not the control plane that made the join token: its certificates have other fingerprints`,
      { hint: 'See that OUTRIDER_CONTROL_PLANE is right, and take a new join token from that control plane.' },
    );
  }
  return new X509Certificate(found).toString();
}

/** @throws join-refused with the control plane's reason; unreachable */
export async function askToJoin(
  address: Address,
  caPem: string,
  request: JoinRequest,
  signal?: AbortSignal,
): Promise<JoinResponse> {
  const encoded = encodeJoinRequest(request);
  if (encoded.kind === 'too-large') throw new OutriderError('join-refused', encoded.why);
  const channel = openChannel(address, caPem);
  try {
    const answer = await callOnce(channel.client, DELEGATE_SERVICE.join, encoded.bytes, { signal });
    if (answer.kind === 'ok') return answer.message;
    if (answer.kind === 'unreachable') throw answer.error;
    throw new OutriderError('join-refused', `The control plane does not let this delegate join: ${answer.details}`);
  } finally {
    channel.destroy();
  }
}

/** DER of every certificate that is presented, the server's own first. */
async function presentedChain(
  address: Address,
  name: string,
  signal: AbortSignal | undefined,
): Promise<readonly Buffer[]> {
  const socket = await handshake(address, signal);
  try {
    const chain: Buffer[] = [];
    let certificate: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
    checkName(name, certificate);
    while (certificate?.raw !== undefined && chain.length < CERTIFICATE_CHAIN_MAX) {
      const { raw } = certificate;
      if (chain.some((known) => known.equals(raw))) break;
      chain.push(raw);
      certificate = certificate.issuerCertificate;
    }
    return chain;
  } finally {
    socket.destroy();
  }
}

async function handshake({ host, port }: Address, signal: AbortSignal | undefined): Promise<TLSSocket> {
  const address = formatAddress({ host, port });
  return await new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port,
      ALPNProtocols: ['h2'],
      // Nobody is trusted here: the fingerprint decides, and the join itself goes over a connection that is verified.
      rejectUnauthorized: false,
      ...(isIP(host) === 0 ? { servername: host } : {}),
    });
    const fail = (why: string, cause?: Error) => {
      socket.destroy();
      reject(new OutriderError('unreachable', `${address} cannot be reached: ${why}`, { cause, hint: HINT }));
    };
    socket.setTimeout(CONNECT_WATCHDOG_MS, () => fail('it does not answer'));
    socket.once('error', (error: Error) => fail(error.message, error));
    socket.once('secureConnect', () => resolve(socket));
    onAbort(signal, () => fail('the delegate is told to end'));
  });
}

const HINT = 'Check OUTRIDER_CONTROL_PLANE, the network path, and that the control plane speaks TLS there.';

/** Said here in our words; the connection itself would only fail. */
function checkName(host: string, certificate: DetailedPeerCertificate | undefined): void {
  if (certificate?.raw === undefined)
    throw new OutriderError('unreachable', 'No certificate was presented', { hint: HINT });
  const wrong = checkServerIdentity(host, certificate);
  if (wrong === undefined) return;
  throw new OutriderError('join-refused', `The control plane's certificate is not for ${host}: ${wrong.message}`, {
    hint: `Add ${host} to OUTRIDER_PUBLIC_NAMES of the control plane, or dial one of the names in its certificate.`,
  });
}
