/**
 * The value of a JSON text that this store wrote itself: what stood there when it was written is what is read, so the
 * type is the caller's word. Throws a SyntaxError when the text is not JSON.
 */
export function readJson<T>(text: string): T {
  const value: unknown = JSON.parse(text);
  return value as T;
}
