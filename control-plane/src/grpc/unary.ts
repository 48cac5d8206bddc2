import type { sendUnaryData, status } from '@grpc/grpc-js';

/** What a call without streams is answered: bytes, or why not. */
export type Answer = Buffer | { readonly code: status; readonly details: string };

/** `answer` never rejects. */
export async function reply(answer: Promise<Answer>, callback: sendUnaryData<Buffer>): Promise<void> {
  const answered = await answer;
  if (Buffer.isBuffer(answered)) callback(null, answered);
  else callback(answered);
}
