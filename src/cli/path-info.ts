/**
 * `narkit path-info`, as `nix path-info`.
 *
 * @module
 */
import { type Command, Option } from 'commander';
import type { PathInfo } from '../path-info.ts';
import type { ClosureSizes, PathInfoRecord } from '../path-info-json.ts';
import type { Store } from '../store/store.ts';
import { formatStorePath, type StorePath } from '../store-path.ts';
import { type Context, exitCode, printError, storeOptions, writeOut } from './context.ts';
import { collectStorePaths } from './store-path-argument.ts';

interface Flags {
  readonly store: string;
  readonly recursive?: boolean;
  readonly size?: boolean;
  readonly closureSize?: boolean;
  readonly humanReadable?: boolean;
  readonly sigs?: boolean;
  readonly json?: boolean;
  readonly jsonFormat: '1' | '2';
  readonly all?: boolean;
  readonly stdin?: boolean;
}

/** Add the command. */
export function addPathInfoCommand(program: Command, context: Context): void {
  program
    .command('path-info')
    .description('Print what a store knows of paths.')
    .argument('[paths...]', 'store paths, or symlinks to them such as ./result')
    .option('--store <store-uri>', 'the store to ask', 'auto')
    .option('-r, --recursive', 'the closure of the paths')
    .option('-s, --size', 'print the size of the NAR of each path')
    .option('-S, --closure-size', 'print the size of all NARs of the closure of each path')
    .option('-h, --human-readable', 'print sizes in KiB, MiB, …')
    .option('--sigs', 'print signatures')
    .option('--json', 'print JSON')
    .addOption(new Option('--json-format <version>', 'format of the JSON').choices(['1', '2']).default('1'))
    .option('--all', 'all paths of the store')
    .option('--stdin', 'read paths from standard input, too')
    .helpOption('--help', 'display help for command')
    .addHelpText(
      'after',
      '\nExamples:\n  $ narkit path-info -rsSh ./result\n  $ narkit path-info --store https://cache.example.org --json /nix/store/…-hello',
    )
    .action((paths: string[], flags: Flags) => runPathInfo(context, paths, flags));
}

async function runPathInfo(context: Context, paths: string[], flags: Flags): Promise<void> {
  const { openStore } = await import('../store/index.ts');
  const store = await openStore(flags.store, storeOptions(context));
  try {
    const wanted = await collectStorePaths(context, store, { paths, stdin: flags.stdin, all: flags.all });
    const infos = await queryInfos(context, store, wanted, flags.recursive === true);
    if (flags.json) await printJson(context, store, infos, flags);
    else await printLines(context, store, infos, flags);
  } finally {
    await store.close();
  }
}

/** References before referrers, as Nix prints a closure; in the order of the arguments without one. */
async function queryInfos(
  context: Context,
  store: Store,
  wanted: ReadonlySet<StorePath>,
  recursive: boolean,
): Promise<Map<StorePath, PathInfo | undefined>> {
  const { signal } = context;
  if (!recursive) {
    const found = await store.queryPathInfos(wanted, { signal });
    return new Map([...wanted].map((path) => [path, found.get(path)]));
  }
  const { computeClosure, sortByReferences } = await import('../copy/index.ts');
  const { infos, errors } = await computeClosure(store, wanted, { signal });
  for (const error of errors.values()) throw error;
  const { sorted, cyclic } = sortByReferences(infos);
  return new Map([...sorted, ...cyclic].map((path) => [path, infos.get(path)]));
}

async function printJson(
  context: Context,
  store: Store,
  infos: ReadonlyMap<StorePath, PathInfo | undefined>,
  flags: Flags,
): Promise<void> {
  const { formatPathInfosJson } = await import('../path-info-json.ts');
  const records = new Map<StorePath, (PathInfoRecord & ClosureSizes) | undefined>();
  for (const [path, info] of infos)
    records.set(path, info && (flags.closureSize ? { ...info, ...(await closureSizes(context, store, path)) } : info));
  const format = flags.jsonFormat === '2' ? 2 : 1;
  await writeOut(context, `${formatPathInfosJson(records, { format, storeDir: store.storeDir })}\n`);
}

async function printLines(
  context: Context,
  store: Store,
  infos: ReadonlyMap<StorePath, PathInfo | undefined>,
  flags: Flags,
): Promise<void> {
  const names = [...infos.keys()].map((path) => formatStorePath(path, store.storeDir));
  const width = Math.max(0, ...names.map((name) => name.length));
  const columns = flags.size || flags.closureSize || flags.sigs;
  const formatSize = (bytes: number): string =>
    flags.humanReadable ? formatHumanSize(bytes) : String(bytes).padStart(11);
  for (const [path, info] of infos) {
    const name = formatStorePath(path, store.storeDir);
    if (info === undefined) {
      printError(context, `path '${name}' is not valid`);
      context.exitCode = exitCode.failure;
      continue;
    }
    const fields = [columns ? name.padEnd(width) : name];
    if (flags.size) fields.push(formatSize(info.narSize));
    if (flags.closureSize) fields.push(formatSize((await closureSizes(context, store, path)).closureSize));
    if (flags.sigs) fields.push([...(info.ultimate ? ['ultimate'] : []), ...info.signatures].join(' '));
    await writeOut(context, `${fields.join('\t')}\n`);
  }
}

async function closureSizes(context: Context, store: Store, path: StorePath): Promise<{ closureSize: number }> {
  const { computeClosure } = await import('../copy/index.ts');
  const { infos, errors } = await computeClosure(store, [path], { signal: context.signal });
  for (const error of errors.values()) throw error;
  return { closureSize: [...infos.values()].reduce((sum, { narSize }) => sum + narSize, 0) };
}

/** As Nix (`src/libutil/util.cc`, `renderSize` with alignment): at least KiB, one digit. */
function formatHumanSize(bytes: number): string {
  const units = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];
  let value = bytes / 1024;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${value.toFixed(1).padStart(6)} ${units[unit]}`;
}
