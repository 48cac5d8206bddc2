/**
 * What steps may ask of the machine that the delegate runs on and of the network around it, besides AWS. The adapters beside
 * this file are the only code of the delegate that starts processes or sends requests for a workflow.
 */
export interface Host {
  readonly http: HttpClient;
  readonly scripts: ScriptRunner;
}

export interface HttpClient {
  /**
   * One request, without following redirects. Throws nothing but what ends it: the step's signal makes it throw StepStopped.
   * What goes wrong on the way is an answer of its own. The body is read up to `bodyLimitBytes`; the rest is not waited for.
   */
  send(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer>;
  /** Whether the text matches, undefined when that takes longer than a second. The pattern is a valid one. */
  matches(pattern: string, text: string): boolean | undefined;
}

export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly timeoutMs: number;
  readonly bodyLimitBytes: number;
}

export type HttpAnswer =
  | { readonly kind: 'answered'; readonly status: number; readonly body: string; readonly truncated: boolean }
  /** No answer came; `why` in words for operators. */
  | { readonly kind: 'failed'; readonly why: string };

export interface ScriptRunner {
  /**
   * Runs a bash script to its end, in a process group of its own that never outlives this call, nor the delegate's process.
   * At the step's signal the group is asked to end, killed after a few seconds, and StepStopped is thrown when it is gone.
   */
  run(script: Script, signal: AbortSignal): Promise<ScriptEnd>;
}

export interface Script {
  readonly text: string;
  /** Beside the delegate's own environment, which comes without what is Outrider's. */
  readonly environment: Readonly<Record<string, string>>;
  /** Undefined: an empty folder, removed afterwards. */
  readonly workingDirectory: string | undefined;
  /** Variables whose values are wanted. */
  readonly variables: readonly string[];
  readonly variablesLimitBytes: number;
  /** Every line that it writes, in order for each of the two. Must not throw. */
  readonly onLine: (stream: 'stdout' | 'stderr', text: string) => void;
}

export type ScriptEnd =
  /** Variables that are not set are empty. A script that a signal ended has 128 and its number, as in bash. */
  | {
      readonly kind: 'exited';
      readonly exitCode: number;
      readonly variables: Readonly<Record<string, string>>;
      readonly tooLarge: boolean;
    }
  /** It could not be begun; `why` in words for operators. */
  | { readonly kind: 'failed'; readonly why: string };
