/**
 * Copying what was built to every destination.
 *
 * @module
 */
import type { AbortOptions } from '../abort.ts';
import { type NarkitConfig, readNarkitConfig, readSecretKeyFile } from '../config/index.ts';
import { copy, copyBuildLog } from '../copy/index.ts';
import { messageOf, NarkitError } from '../errors.ts';
import type { SecretKey } from '../signing/index.ts';
import { openStore, openWritableStore } from '../store/index.ts';
import type { Store } from '../store/store.ts';
import { parseStorePath } from '../store-path.ts';
import { findBuiltPaths } from './built-paths.ts';

/** What was built: full store paths. */
export interface Built {
  readonly paths: readonly string[];
  readonly derivation?: string | undefined;
}

/** How to upload. */
export interface UploadOptions extends AbortOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Takes a line about what is not as it should be, and keeps nothing from being uploaded. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/**
 * Copy what was built, with its closure, to every destination at the same time. One that fails does not keep the others from getting it.
 *
 * @throws {@link NarkitError} `upload-failed` with what failed where, after all destinations are done.
 */
export async function uploadBuilt(built: Built, config: NarkitConfig, options: UploadOptions = {}): Promise<void> {
  const secretKeys = await Promise.all(
    config.secretKeyFiles.map((file) =>
      readSecretKeyFile(file, { ...(options.onWarning && { onWarning: options.onWarning }) }),
    ),
  );
  const from = await openStore(config.from, options);
  try {
    const uploads = config.to.map((uri) => uploadTo(uri, from, built, config, secretKeys, options));
    const failures = (await Promise.allSettled(uploads)).flatMap((result) =>
      result.status === 'rejected' ? [messageOf(result.reason)] : [],
    );
    if (failures.length > 0) throw new NarkitError('upload-failed', failures.join('; '));
  } finally {
    await from.close();
  }
}

/** Read the configuration, and upload what Nix says was built. @throws {@link NarkitError} */
export async function uploadNow(
  env: Readonly<Record<string, string | undefined>>,
  options: UploadOptions,
): Promise<void> {
  const config = await readNarkitConfig(env);
  const paths = await findBuiltPaths(env);
  await uploadBuilt({ paths, derivation: env.DRV_PATH }, config, { env, ...options });
}

async function uploadTo(
  uri: string,
  from: Store,
  built: Built,
  config: NarkitConfig,
  secretKeys: readonly SecretKey[],
  options: UploadOptions,
): Promise<void> {
  const to = await openWritableStore(uri, options);
  try {
    const paths = built.paths.map((path) => parseStorePath(path, from.storeDir));
    const { outcomes, failed } = await copy(from, to, paths, {
      secretKeys,
      skipSignedBy: config.skipSignedBy,
      signal: options.signal,
    });
    if (config.buildLogs && built.derivation)
      await copyBuildLog(from, to, parseStorePath(built.derivation, from.storeDir), options);
    if (failed === 0) return;
    const first = outcomes.find(({ outcome }) => outcome === 'failed');
    throw new NarkitError(
      'upload-failed',
      `${failed} of ${outcomes.length} paths did not reach '${to.uri}': ${first?.error?.message}`,
    );
  } finally {
    await to.close();
  }
}
