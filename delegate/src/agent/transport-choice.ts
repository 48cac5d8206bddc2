import { status } from '@grpc/grpc-js';
import {
  POLL_SILENCES_MAX,
  POLL_TRIES_MAX,
  STREAM_BREAKS_MAX,
  STREAM_SILENCES_MAX,
} from '@outrider/shared/protocol/timings.ts';

/** OUTRIDER_TRANSPORT. */
export type TransportMode = 'auto' | 'stream' | 'poll';
export type Transport = 'streams' | 'polling';

/** How an attempt ended. */
export interface Loss {
  readonly code: status;
  readonly why: string;
  /** Somebody was there to talk to. */
  readonly made: boolean;
  /** `held`: the streams lasted long enough to be relied on. */
  readonly stage: 'before-welcome' | 'welcomed' | 'held';
}

/** What is dialled next, and what speaks for and against it. */
export interface TransportChoice {
  readonly mode: TransportMode;
  readonly transport: Transport;
  /** Attempts over streams in a row that brought no Welcome although somebody was there. */
  readonly silences: number;
  /** Streams in a row that broke soon after their Welcome. */
  readonly breaks: number;
  /** Streams are tried again after polling worked: one loss and it goes on. */
  readonly onTrial: boolean;
  /** Why streams were given up; null: they were not. */
  readonly streamsFailed: Loss | null;
  /** The change to polling has not been told of yet: whether it works is seen first. */
  readonly untold: boolean;
  /** Polling has brought a Welcome since streams were given up. */
  readonly pollingWorks: boolean;
  /** Attempts over polls in a row that brought no Welcome although somebody was there. */
  readonly pollSilences: number;
}

export function firstChoice(mode: TransportMode): TransportChoice {
  const transport = mode === 'poll' ? 'polling' : 'streams';
  return { ...STREAMS, mode, transport };
}

const STREAMS = {
  transport: 'streams',
  silences: 0,
  breaks: 0,
  onTrial: false,
  streamsFailed: null,
  untold: false,
  pollingWorks: false,
  pollSilences: 0,
} as const satisfies Omit<TransportChoice, 'mode'>;

/** Welcome has come. */
export function welcomed(choice: TransportChoice): TransportChoice {
  if (choice.transport === 'streams') return { ...choice, silences: 0 };
  return { ...choice, pollingWorks: true, pollSilences: 0, untold: false };
}

/** The streams have lasted. */
export function held(choice: TransportChoice): TransportChoice {
  return choice.transport === 'streams' ? { ...STREAMS, mode: choice.mode } : choice;
}

/** Streams look as if they held again. */
export function tryStreams(choice: TransportChoice): TransportChoice {
  return { ...STREAMS, mode: choice.mode, onTrial: true, streamsFailed: choice.streamsFailed };
}

export function afterLoss(choice: TransportChoice, loss: Loss): TransportChoice {
  if (choice.mode !== 'auto') return choice;
  return choice.transport === 'streams' ? afterStreams(choice, loss) : afterPolls(choice, loss);
}

function afterStreams(choice: TransportChoice, loss: Loss): TransportChoice {
  const suspicion = suspicionOf(loss);
  if (suspicion === 'none') return loss.made ? choice : { ...choice, silences: 0, breaks: 0 };
  const silences = choice.silences + (suspicion === 'silence' ? 1 : 0);
  const breaks = choice.breaks + (suspicion === 'break' ? 1 : 0);
  const enough = silences >= STREAM_SILENCES_MAX || breaks >= STREAM_BREAKS_MAX;
  if (suspicion !== 'refusal' && !enough && !choice.onTrial) return { ...choice, silences, breaks };
  return {
    ...STREAMS,
    mode: choice.mode,
    transport: 'polling',
    streamsFailed: loss,
    untold: true,
    pollingWorks: choice.onTrial,
  };
}

/** Whether polls might survive what ended the streams. */
function suspicionOf({ code, why, made, stage }: Loss): 'none' | 'silence' | 'break' | 'refusal' {
  if (stage === 'held') return 'none';
  if (stage === 'welcomed') return 'break';
  if (code === status.UNIMPLEMENTED || REFUSED_OVER_HTTP.test(why)) return 'refusal';
  return made && NETWORK.has(code) ? 'silence' : 'none';
}

/** grpc-js's words for an answer that is none of gRPC's: of a proxy that will have no streams. */
const REFUSED_OVER_HTTP = /HTTP status code (?!429|502|503|504)/;
/** Ends of which the control plane itself has not said anything. */
const NETWORK: ReadonlySet<status> = new Set([
  status.CANCELLED,
  status.UNKNOWN,
  status.DEADLINE_EXCEEDED,
  status.INTERNAL,
  status.UNAVAILABLE,
]);

function afterPolls(choice: TransportChoice, loss: Loss): TransportChoice {
  const streams: TransportChoice = { ...STREAMS, mode: choice.mode };
  // A session over polls outlives connections: its end says nothing about the network.
  if (loss.stage !== 'before-welcome') return choice;
  if (loss.code === status.UNIMPLEMENTED) return streams;
  if (!loss.made || !NETWORK.has(loss.code)) return choice.pollingWorks ? choice : streams;
  const pollSilences = choice.pollSilences + 1;
  const enough = choice.pollingWorks ? POLL_SILENCES_MAX : POLL_TRIES_MAX;
  return pollSilences >= enough ? streams : { ...choice, pollSilences };
}
