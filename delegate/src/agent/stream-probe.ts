import type { StatusObject } from '@grpc/grpc-js';
import { DELEGATE_SERVICE } from '@outrider/shared/protocol/service.ts';
import type { Dialling } from './attempt.ts';
import type { Timers } from './instant.ts';

/**
 * Whether a stream opens within the time and then stays open for as long. Nothing is said on it, so the control plane sees no
 * session in it, and the one that goes on over polls is left alone. `cancel` ends the look; nothing is answered then.
 */
export function probeStreams(
  dialling: Dialling,
  timers: Timers,
  probeMs: number,
  answer: (open: boolean) => void,
): () => void {
  const channel = dialling.channel();
  const { path, requestSerialize, responseDeserialize } = DELEGATE_SERVICE.control;
  const metadata = dialling.metadata();
  const call = channel.client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata);
  let over = false;
  let cancelTimer = timers.after(probeMs, () => end(false));
  function leave(): void {
    over = true;
    cancelTimer();
    call.cancel();
    channel.destroy();
  }
  function end(open: boolean): void {
    if (over) return;
    leave();
    answer(open);
  }
  call.on('metadata', () => {
    if (over) return;
    cancelTimer();
    cancelTimer = timers.after(probeMs, () => end(true));
  });
  call.on('data', () => {});
  call.on('error', () => {});
  call.on('status', (_ended: StatusObject) => end(false));
  return leave;
}
