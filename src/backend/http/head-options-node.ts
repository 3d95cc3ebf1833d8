/**
 * Node's `fetch` closes the connection after each HEAD, for servers that wrongly send a body with the answer. Asking many times
 * what a cache has would make as many connections.
 *
 * @module
 */

/** The part of undici's dispatcher that is documented for `fetch` to take (https://nodejs.org/api/globals.html#fetch). */
interface Dispatcher {
  dispatch(options: object, handler: object): boolean;
}

/** Under which undici keeps the dispatcher of `fetch`, from its first use on; the user may have put in another. */
const globalDispatcher = Symbol.for('undici.globalDispatcher.1');

/** What a HEAD is sent with besides, so that its connection stays. */
export function headOptions(): RequestInit {
  const dispatcher = (globalThis as { [globalDispatcher]?: Dispatcher })[globalDispatcher];
  if (dispatcher === undefined) return {};
  const keeping: Dispatcher = {
    dispatch: (options, handler) => dispatcher.dispatch({ ...options, reset: false }, handler),
  };
  return { dispatcher: keeping } as RequestInit;
}
