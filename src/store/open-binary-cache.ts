/**
 * Binary caches by their URIs: `file://`, `http(s)://`, `s3://`.
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Backend } from '../backend/backend.ts';
import type { Netrc } from '../backend/http/netrc.ts';
import { openBinaryCacheStore } from '../binary-cache/binary-cache-store.ts';
import { parseBinaryCacheSettings } from '../binary-cache/settings.ts';
import type { ReadSecretKeyFileOptions } from '../config/key-file.ts';
import { messageOf, NarkitError } from '../errors.ts';
import type { SecretKey } from '../signing/keys.ts';
import { defaultStoreDirOf } from './local-directories.ts';
import { type OpenUriOptions, requirePath, warnOfUnknownParameters } from './open-store-options.ts';
import type { WritableStore } from './store.ts';
import { formatStoreUri, type StoreUri, StoreUriError, storeUriPath } from './store-uri.ts';

type Parameters = StoreUri['parameters'];

/** A backend, and the parameters that it did not take. */
interface OpenedBackend {
  readonly backend: Backend;
  readonly rest: Parameters;
}

/** Compression for transport: a file has no header that would tell of it, and in Nix such a cache has no such settings. */
const transportParameters = new Set(['narinfo-compression', 'ls-compression', 'log-compression']);

/**
 * Open a binary cache. Beside Nix's parameters an `http(s)://` URI takes `bearer-token-file`, the file of a token for that server.
 *
 * @throws {@link KeyFileError} before anything is asked of the cache.
 */
export async function openBinaryCacheUri(uri: StoreUri, options: OpenUriOptions): Promise<WritableStore> {
  const { env, signal, onWarning } = options;
  const [parameters, forTransport] = splitTransport(uri);
  const { settings, secretKeyFiles, rest } = parseBinaryCacheSettings(parameters);
  const keyOptions = { signal, ...(onWarning && { onWarning }) };
  const secretKeys = await Promise.all(secretKeyFiles.map((file) => readKey(file, keyOptions)));
  const opened = await openBackend(uri, rest, options);
  warnOfUnknownParameters(opened.rest, [], options);
  warnOfUnknownParameters(forTransport, [], options);
  try {
    return await openBinaryCacheStore(options.wrapBackend?.(opened.backend) ?? opened.backend, {
      settings: { storeDir: defaultStoreDirOf(env), ...settings },
      secretKeys,
      signal,
      onWarning,
      onCacheInfoError: options.onCacheInfoError,
    });
  } catch (error) {
    await opened.backend.close?.();
    throw error;
  }
}

async function readKey(file: string, options: ReadSecretKeyFileOptions): Promise<SecretKey> {
  const { readSecretKeyFile } = await import('../config/key-file.ts');
  return readSecretKeyFile(file, options);
}

function splitTransport({ scheme, parameters }: StoreUri): [Parameters, Parameters] {
  if (scheme !== 'file') return [parameters, new Map()];
  const isForTransport = ([name]: [string, string]): boolean => transportParameters.has(name);
  return [
    new Map([...parameters].filter((parameter) => !isForTransport(parameter))),
    new Map([...parameters].filter(isForTransport)),
  ];
}

function openBackend(uri: StoreUri, parameters: Parameters, options: OpenUriOptions): Promise<OpenedBackend> {
  if (uri.scheme === 's3') return openS3(uri, parameters, options);
  return uri.scheme === 'file' ? openFiles(uri, parameters) : openHttp(uri, parameters, options);
}

async function openFiles(uri: StoreUri, parameters: Parameters): Promise<OpenedBackend> {
  const { createFilesystemBackend } = await import('../backend/filesystem/filesystem-backend.ts');
  return { backend: createFilesystemBackend(requirePath(storeUriPath(uri), formatStoreUri(uri))), rest: parameters };
}

async function openS3(uri: StoreUri, parameters: Parameters, options: OpenUriOptions): Promise<OpenedBackend> {
  const { createS3Backend, parseS3Settings } = await import('../backend/s3/index.ts');
  const { settings, rest } = parseS3Settings(uri.authority, parameters, options);
  return { backend: createS3Backend({ ...settings, stallTimeoutMs: options.stallTimeoutMs }), rest };
}

async function openHttp(uri: StoreUri, parameters: Parameters, options: OpenUriOptions): Promise<OpenedBackend> {
  const { createHttpBackend, parseRetrySettings } = await import('../backend/index.ts');
  const { settings: retry, rest } = parseRetrySettings(parameters);
  const left = new Map(rest);
  const bearerToken = await takeFile(left, 'bearer-token-file', options);
  const tlsCertificate = await takeFile(left, 'tls-certificate', options);
  const tlsPrivateKey = await takeFile(left, 'tls-private-key', options);
  const netrc = await readNetrc(options);
  try {
    const backend = createHttpBackend(`${uri.scheme}://${uri.authority}`, {
      retry,
      netrc,
      bearerToken: bearerToken?.trim(),
      tlsCertificate,
      tlsPrivateKey,
      stallTimeoutMs: options.stallTimeoutMs,
    });
    return { backend, rest: left };
  } catch (error) {
    if (error instanceof TypeError) throw new StoreUriError(formatStoreUri(uri), error.message, { cause: error });
    throw error;
  }
}

/** The logins of Nix's setting `netrc-file`. A file that this user may not read has none for it, as with Nix. */
async function readNetrc({ env, signal, onWarning }: OpenUriOptions): Promise<Netrc> {
  const { readNixSettings } = await import('../config/nix-settings.ts');
  const settings = await readNixSettings({ env, signal, ...(onWarning && { onWarning }) });
  const { readNetrcFile } = await import('../backend/http/read-netrc-file.ts');
  try {
    return await readNetrcFile(settings.get('netrc-file') ?? join(env.NIX_CONF_DIR || '/etc/nix', 'netrc'), { signal });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES') return [];
    throw error;
  }
}

/** The text of a file that a parameter names, with the parameter taken away. */
async function takeFile(
  parameters: Map<string, string>,
  name: string,
  { signal }: OpenUriOptions,
): Promise<string | undefined> {
  const file = parameters.get(name);
  parameters.delete(name);
  if (!file) return undefined;
  try {
    return await readFile(file, { encoding: 'utf8', signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw new NarkitError('setting', `cannot read the setting '${name}': ${messageOf(error)}`, { cause: error });
  }
}
