import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Socket } from 'node:net';
import { SILENT_SOCKET_LOOK_MS, SILENT_SOCKET_MS } from '@outrider/shared/protocol/timings.ts';

/** Every connection that a server of this process takes. */
const ACCEPTED = 'net.server.socket';

export interface SilentSocketTimings {
  readonly silentMs?: number | undefined;
  readonly lookMs?: number | undefined;
}

/**
 * Destroys the sockets of a port from which nothing has come for `silentMs`. A peer that lives answers the keepalive pings long
 * before. The keepalive itself works on HTTP/2 sessions only: of one that was flooded and ended, Node can keep a socket that
 * nobody reads any more, so that nothing tells it that its peer is gone.
 * Returns what ends it.
 */
export function destroySilentSockets(port: number, timings: SilentSocketTimings = {}): () => void {
  const { silentMs = SILENT_SOCKET_MS, lookMs = SILENT_SOCKET_LOOK_MS } = timings;
  const known = new Map<Socket, { bytes: number; atMs: number }>();
  const accepted = (message: unknown) => {
    if (typeof message !== 'object' || message === null || !('socket' in message)) return;
    const { socket } = message;
    if (!(socket instanceof Socket) || socket.localPort !== port) return;
    known.set(socket, { bytes: socket.bytesRead, atMs: performance.now() });
    socket.once('close', () => known.delete(socket));
  };
  const look = setInterval(() => {
    const now = performance.now();
    for (const [socket, last] of known) {
      if (socket.bytesRead !== last.bytes) known.set(socket, { bytes: socket.bytesRead, atMs: now });
      else if (now - last.atMs >= silentMs) socket.destroy();
    }
  }, lookMs).unref();
  subscribe(ACCEPTED, accepted);
  return () => {
    unsubscribe(ACCEPTED, accepted);
    clearInterval(look);
  };
}
