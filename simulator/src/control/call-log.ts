/** One API call as the control endpoint shows it. */
export interface CallRecord {
  readonly sequence: number;
  /** Simulated time, epoch milliseconds. */
  readonly at: number;
  readonly service: string;
  readonly operation: string;
  readonly mutates: boolean;
  /** The decoded input as JSON, at most 4,000 characters. */
  readonly input: string;
  readonly accessKeyId: string;
  readonly requestId: string;
  /** `ok`, an AWS error code, or `connection-lost` where a fault cut the answer off. */
  outcome: string;
  /** True when the world was changed, whatever the caller got to hear. */
  applied: boolean;
  message: string;
  status: number;
  /** Real milliseconds until the answer. */
  milliseconds: number;
}

const INPUT_CHARACTERS = 4_000;

/** The newest calls; the oldest are forgotten beyond the limit. */
export class CallLog {
  static readonly LIMIT = 5_000;
  readonly #records: CallRecord[] = [];
  readonly #mutations: CallRecord[] = [];
  #sequence = 0;

  start(
    call: Omit<CallRecord, 'sequence' | 'outcome' | 'applied' | 'message' | 'status' | 'milliseconds' | 'input'> & {
      input: unknown;
    },
  ): CallRecord {
    this.#sequence += 1;
    const record: CallRecord = {
      ...call,
      input: (JSON.stringify(call.input) ?? '').slice(0, INPUT_CHARACTERS),
      sequence: this.#sequence,
      outcome: 'pending',
      applied: false,
      message: '',
      status: 0,
      milliseconds: 0,
    };
    this.#records.push(record);
    if (this.#records.length > CallLog.LIMIT) this.#records.shift();
    return record;
  }

  /** Notes that a call changed the world. */
  applied(record: CallRecord): void {
    record.applied = true;
    this.#mutations.push(record);
    if (this.#mutations.length > CallLog.LIMIT) this.#mutations.shift();
  }

  /** Every call, oldest first, those after `sequence` only if given. */
  calls(after = 0): readonly CallRecord[] {
    return this.#records.filter((record) => record.sequence > after);
  }

  /** The calls that changed the world, oldest first. */
  mutations(after = 0): readonly CallRecord[] {
    return this.#mutations.filter((record) => record.sequence > after);
  }
}
