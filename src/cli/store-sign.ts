/**
 * `narkit store sign`, as `nix store sign`.
 *
 * @module
 */
import type { Command } from 'commander';
import type { SecretKey } from '../signing/index.ts';
import type { Store, WritableStore } from '../store/store.ts';
import { StoreError } from '../store/store-error.ts';
import { formatStorePath, type StorePath } from '../store-path.ts';
import { type Context, exitCode, printError, storeOptions, UsageError, warn } from './context.ts';
import { collectStorePaths } from './store-path-argument.ts';

interface Flags {
  readonly store: string;
  readonly keyFile?: readonly string[];
  readonly secretKeyFile?: readonly string[];
  readonly recursive?: boolean;
  readonly all?: boolean;
  readonly stdin?: boolean;
}

/** As many as a cache is asked for narinfo files at a time. */
const concurrency = 16;

const append = (value: string, values: readonly string[] = []): readonly string[] => [...values, value];

/** Add the command. */
export function addStoreSignCommand(store: Command, context: Context): void {
  store
    .command('sign')
    .description('Add signatures to paths that are in a store.')
    .argument('[paths...]', 'store paths, or symlinks to them such as ./result')
    .option('--store <store-uri>', 'the store: a cache, or the local Nix', 'auto')
    .option('-k, --key-file <file>', 'sign with this secret key (may be repeated)', append)
    .option('--secret-key-file <file>', 'the same as --key-file', append)
    .option('-r, --recursive', 'sign the closure of the paths')
    .option('--all', 'sign all paths of the store')
    .option('--stdin', 'read paths from standard input, too')
    .addHelpText(
      'after',
      `
A signature says that you vouch for what the store says of a path. Contents are not read: 'narkit store verify' does that.

Example:
  $ narkit store sign --store file:///mnt/cache --key-file ./key.private --recursive ./result`,
    )
    .action((paths: string[], flags: Flags) => runStoreSign(context, paths, flags));
}

async function runStoreSign(context: Context, paths: string[], flags: Flags): Promise<void> {
  const files = [...(flags.keyFile ?? []), ...(flags.secretKeyFile ?? [])];
  if (files.length === 0) throw new UsageError("name the secret key with '--key-file'");
  const { readSecretKeyFile } = await import('../config/key-file.ts');
  const onWarning = (message: string): void => warn(context, message);
  const secretKeys = await Promise.all(files.map((file) => readSecretKeyFile(file, { onWarning })));
  const { openStore } = await import('../store/open-store.ts');
  const store = await openStore(flags.store, storeOptions(context));
  try {
    requireWritable(store);
    const wanted = await collectStorePaths(context, store, { paths, stdin: flags.stdin, all: flags.all });
    const added = await signPaths(context, store, await addClosure(context, store, wanted, flags), secretKeys);
    context.stderr.write(`added ${added} signatures\n`);
  } finally {
    await store.close();
  }
}

function requireWritable(store: Store): asserts store is WritableStore {
  if ('addSignatures' in store) return;
  const { uri } = store;
  const message = `'${uri}' takes no signatures: the local Nix takes them through its daemon ('daemon')`;
  throw new StoreError('store-read-only', message, { uri });
}

async function addClosure(
  { signal }: Context,
  store: Store,
  paths: Set<StorePath>,
  { recursive }: Flags,
): Promise<Iterable<StorePath>> {
  if (!recursive) return paths;
  const { computeClosure } = await import('../copy/closure.ts');
  const { infos, errors } = await computeClosure(store, paths, { signal });
  for (const error of errors.values()) throw error;
  return infos.keys();
}

/** @returns how many signatures were added. */
async function signPaths(
  context: Context,
  store: WritableStore,
  paths: Iterable<StorePath>,
  secretKeys: readonly SecretKey[],
): Promise<number> {
  const { signPathInfo } = await import('../signing/index.ts');
  const { default: pMap } = await import('p-map');
  const { signal } = context;
  let added = 0;
  const sign = async (path: StorePath): Promise<void> => {
    const full = formatStorePath(path, store.storeDir);
    const info = await store.queryPathInfo(path, { signal });
    if (info === undefined) {
      printError(context, `path '${full}' is not valid in '${store.uri}'`);
      context.exitCode = exitCode.failure;
      return;
    }
    const signatures = secretKeys.map((key) => signPathInfo(info, key, store.storeDir));
    const lacking = signatures.filter((signature) => !info.signatures.includes(signature));
    if (lacking.length === 0) return;
    if (!(await store.addSignatures(path, lacking, { signal }))) await requireSigned(store, path, lacking);
    added += lacking.length;
  };
  await pMap(paths, sign, { concurrency, signal });
  return added;
}

/** Somebody else may have added them meanwhile; or the store has nowhere to keep them. */
async function requireSigned(store: WritableStore, path: StorePath, signatures: readonly string[]): Promise<void> {
  const info = await store.queryPathInfo(path);
  if (signatures.every((signature) => info?.signatures.includes(signature))) return;
  throw new StoreError('store-read-only', `'${store.uri}' keeps no signatures`, { uri: store.uri });
}
