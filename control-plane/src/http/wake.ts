/** Waits for news: a signal that may come at any time, even before anybody waits, is not missed. */
export interface Wake {
  /** There is news. */
  signal(): void;
  /** Resolves at news since the last wait, after the time, or when `gone` is aborted. */
  wait(timeoutMs: number, gone: AbortSignal): Promise<void>;
}

export function createWake(): Wake {
  let news = false;
  let resume: (() => void) | undefined;
  return {
    signal() {
      news = true;
      resume?.();
    },
    async wait(timeoutMs, gone) {
      if (!news && !gone.aborted) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(finish, timeoutMs);
          gone.addEventListener('abort', finish, { once: true });
          resume = finish;
          function finish() {
            clearTimeout(timer);
            gone.removeEventListener('abort', finish);
            resume = undefined;
            resolve();
          }
        });
      }
      news = false;
    },
  };
}
