/** A stream that lives. */
export interface OpenStream {
  /** Ends it because the control plane goes; the delegate comes back by itself. */
  shutDown(): void;
}

/** Every stream of the server that lives. */
export type OpenStreams = Set<OpenStream>;
