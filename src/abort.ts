/** Every method that waits takes a signal. */
export interface AbortOptions {
  readonly signal?: AbortSignal | undefined;
}
