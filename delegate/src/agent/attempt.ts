import type { Metadata, status } from '@grpc/grpc-js';
import type { Decoded } from '@outrider/shared/protocol/codec.ts';
import type { LogReply, ServerMessage } from '@outrider/shared/protocol/messages.ts';
import type { Channel } from './channel.ts';

/** One way to the control plane, from dialling to the end. What is called after the end does nothing. */
export interface Attempt {
  /** Somebody was there to talk to, and not merely nobody. */
  readonly made: boolean;
  /** Begins; its events come from now on. */
  begin(): void;
  /** Takes a message of Control. False: nobody is there. */
  send(bytes: Buffer): boolean;
  openLogs(sessionId: string): void;
  /** Takes a message of Logs. False: it is over or full; `logsRoom` tells when it takes more. */
  sendLog(bytes: Buffer): boolean;
  /** Says goodbye after all that was sent. Resolves when that has arrived, or never: the caller has a limit. */
  finish(): Promise<void>;
  /** Ends it at once; nothing is heard of it any more. */
  leave(): void;
}

export interface AttemptEvents {
  /** Hello may be sent. */
  opened(): void;
  message(decoded: Decoded<ServerMessage>): void;
  logsOpened(creditBytes: number): void;
  logReply(reply: Exclude<LogReply, { kind: 'opened' }>): void;
  logsRoom(): void;
  logsClosed(): void;
  /** It is over. Comes at most once, and nothing after it. */
  lost(code: status, why: string): void;
}

/** What every attempt dials with. Asked anew for each connection: a new certificate or credential is taken up. */
export interface Dialling {
  channel(): Channel;
  metadata(): Metadata;
}
