/**
 * What steps may ask of the machine that the delegate runs on and of the network around it, besides AWS. The adapters beside
 * this file are the only code of the delegate that starts processes or sends requests for a workflow.
 */
export interface Host {
  readonly http: HttpClient;
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
