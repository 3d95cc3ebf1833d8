/**
 * Stores by their URIs.
 *
 * @module
 */
import { resolve } from 'node:path';
import { localDirectories } from './local-directories.ts';
import {
  type OpenStoreOptions,
  type OpenUriOptions,
  requirePath,
  warnOfUnknownParameters,
} from './open-store-options.ts';
import type { Store, WritableStore } from './store.ts';
import { formatStoreUri, parseStoreUri, type StoreUri, StoreUriError, storeUriPath } from './store-uri.ts';

export type { OpenStoreOptions } from './open-store-options.ts';

/**
 * Open a store by its URI, in Nix's words: `auto`, `daemon`, `unix:///socket`, `local`, `local?root=/mnt`, `/mnt`, `tree:DIRECTORY`, `file://…`,
 * `https://…`, `s3://bucket?region=…`. Only what this kind of store needs is loaded.
 *
 * `auto` without parameters means the store that `NIX_REMOTE` names, if it does; else the daemon if it answers, the database if it can be
 * read, and else the files of the store directory, with a warning.
 *
 * @throws {@link StoreUriError} when it is no URI of a store that narkit can open; what keeps that kind of store from being opened.
 * @example
 * ```ts
 * import { openStore } from 'narkit/store';
 *
 * const store = await openStore('/mnt'); // a mounted system's
 * for await (const path of store.queryAllValidPaths()) console.log(path);
 * await store.close();
 * ```
 */
export async function openStore(uri = 'auto', options: OpenStoreOptions = {}): Promise<Store> {
  options.signal?.throwIfAborted();
  const env = options.env ?? process.env;
  const parsed = parseStoreUri(isDefault(uri) ? (env.NIX_REMOTE ?? 'auto') : uri, options);
  return openParsedUri(parsed, { ...options, env });
}

function isDefault(uri: string): boolean {
  return uri === '' || uri === 'auto';
}

async function openParsedUri(uri: StoreUri, options: OpenUriOptions): Promise<Store> {
  switch (uri.scheme) {
    case 'auto':
    case 'unix':
    case 'local':
      return openNixUri(uri, options);
    case 'tree':
      return openTreeUri(uri, options);
    case 'file':
    case 'http':
    case 'https':
    case 's3': {
      const { openBinaryCacheUri } = await import('./open-binary-cache.ts');
      return openBinaryCacheUri(uri, options);
    }
    case 'ssh':
    case 'ssh-ng':
      throw new StoreUriError(
        formatStoreUri(uri),
        'narkit starts no programs, so it does not speak ssh; forward the socket of the daemon there, and use unix:///…',
      );
    default:
      throw new StoreUriError(formatStoreUri(uri), `there is no kind of store '${uri.scheme}' here`);
  }
}

async function openNixUri(uri: StoreUri, options: OpenUriOptions): Promise<Store> {
  const { openAutoUri, openDaemonUri, openLocalUri } = await import('./open-local-store.ts');
  if (uri.scheme === 'auto') return openAutoUri(uri, options);
  return uri.scheme === 'unix' ? openDaemonUri(uri, options) : openLocalUri(uri, options);
}

async function openTreeUri(uri: StoreUri, options: OpenUriOptions): Promise<WritableStore> {
  warnOfUnknownParameters(uri.parameters, ['store'], options);
  const directory = resolve(requirePath(storeUriPath(uri), formatStoreUri(uri)));
  const { storeDir } = localDirectories(uri.parameters, options.env);
  const { openTreeStore } = await import('./tree/index.ts');
  return openTreeStore({ directory, storeDir, create: options.create });
}
