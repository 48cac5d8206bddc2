import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the ports that Linux and macOS give to outgoing connections and to port 0 by themselves. */
const LOWEST = 12_000;
const HIGHEST = 32_000;
const TRIES = 50;

/**
 * A port that will still be free when its process is away and comes back: nobody is given one of this range by chance. Several
 * runs at a time look at different places, so that this draw is not part of the seed.
 */
export async function lastingPort(): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    const server = createServer();
    try {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
      server.close();
      await once(server, 'close');
      return port;
    } catch (thrown) {
      if (attempt >= TRIES) throw thrown;
    }
  }
}
