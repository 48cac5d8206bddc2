import type { DelegateMessage, LogMessage, LogReply, ServerMessage } from '@outrider/shared/protocol/messages.ts';

/**
 * The agent's way to the control plane, whatever carries it. It keeps itself up for as long as the process lives: after `closed`
 * another attempt follows by itself. No call blocks, and none throws.
 */
export interface AgentConnection {
  /** Begins to dial. */
  start(): void;
  /** `closed`: nobody is there; what matters is said again after the next Welcome. `too-large`: it never can be sent. */
  send(
    message: DelegateMessage,
  ): { readonly kind: 'ok' | 'closed' } | { readonly kind: 'too-large'; readonly why: string };
  /** Welcome has come: this attempt is a success. */
  established(): void;
  openLogs(sessionId: string): void;
  /** False: the stream is over or full; `logsRoom` tells when it takes more. */
  sendLog(message: LogMessage): boolean;
  /** Gives the connection up and makes another. */
  drop(reason: string): void;
  /** The control plane asks us to come back later; the whole fleet does not come at one moment. */
  reconnectAfter(milliseconds: number, reason: string): void;
  /** Says goodbye; nothing is dialled any more. */
  close(): Promise<void>;
  /** Tears everything down at once. */
  destroy(): void;
}

/** What the agent hears of it. */
export interface ConnectionHandlers {
  /** The control plane is there: Hello may be sent. */
  opened(): void;
  message(message: ServerMessage): void;
  /** The session is over; another attempt follows by itself. */
  closed(): void;
  logsOpened(creditBytes: number): void;
  logReply(reply: Exclude<LogReply, { kind: 'opened' }>): void;
  logsRoom(): void;
  logsClosed(): void;
}
