/** What the delegate says to those who run it. pino has this shape. Never blocks, never throws; no secrets in `fields`. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** For tests and tools that have nobody to tell. */
export const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} };
