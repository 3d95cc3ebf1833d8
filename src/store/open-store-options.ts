/**
 * How stores are opened.
 *
 * @module
 */
import type { AbortOptions } from '../abort.ts';
import type { Backend } from '../backend/backend.ts';
import type { NixCacheInfoError } from '../narinfo/index.ts';
import type { Environment } from './local-directories.ts';
import { type StoreUri, StoreUriError } from './store-uri.ts';

/** How to open a store; the signal ends the opening, not the store. */
export interface OpenStoreOptions extends AbortOptions {
  /** Variables such as `NIX_REMOTE` and `NIX_STORE_DIR`. @default `process.env` */
  readonly env?: Environment | undefined;
  /** Takes a line about what is not as it should be and fails nothing. @default nothing */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** Told of a `nix-cache-info` that cannot be read, so that the cache can be opened all the same. @default the error is thrown */
  readonly onCacheInfoError?: ((error: NixCacheInfoError) => void) | undefined;
  /** Tell the daemon to import also what no key signed that it trusts. It obeys only `trusted-users`. @default false */
  readonly dontCheckSigs?: boolean | undefined;
  /** Make the directory of a `tree:` store where there is none. @default false */
  readonly create?: boolean | undefined;
  /** A connection to a binary cache over which nothing goes for so long is given up. @default 300,000, as Nix's `stalled-download-timeout` */
  readonly stallTimeoutMs?: number | undefined;
  /** Put something between a binary cache and its backend. @default nothing */
  readonly wrapBackend?: ((backend: Backend) => Backend) | undefined;
}

/** The same, for those who open one kind of store. */
export interface OpenUriOptions extends OpenStoreOptions {
  readonly env: Environment;
}

/** Parameters that every store of Nix's takes, and that change nothing here. */
const commonParameters = ['trusted', 'priority', 'want-mass-query', 'system-features', 'path-info-cache-size'];

/** Warn of parameters that no part of the store took, as Nix does. */
export function warnOfUnknownParameters(
  parameters: StoreUri['parameters'],
  known: readonly string[],
  { onWarning }: OpenStoreOptions,
): void {
  for (const name of parameters.keys())
    if (!known.includes(name) && !commonParameters.includes(name)) onWarning?.(`unknown setting '${name}'`);
}

/** @throws {@link StoreUriError} for a URI that needs a path and has none. */
export function requirePath(path: string | undefined, uri: string): string {
  if (path !== undefined) return path;
  throw new StoreUriError(uri, 'it names no directory');
}
