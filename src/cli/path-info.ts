/**
 * `narkit path-info`, as `nix path-info`.
 *
 * @module
 */
import { type Command, Option } from 'commander';
import { formatContentAddress } from '../content-address.ts';
import { NarkitError } from '../errors.ts';
import type { PathInfo } from '../path-info.ts';
import type { ClosureSizes, PathInfoRecord } from '../path-info-json.ts';
import type { Store } from '../store/store.ts';
import { formatStorePath, type StorePath } from '../store-path.ts';
import { sumClosure } from './closure-sizes.ts';
import { type Context, storeOptions, writeOut } from './context.ts';
import { collectStorePaths } from './store-path-argument.ts';
import { sortTopologically } from './topological-order.ts';

interface Flags {
  readonly store: string;
  readonly recursive?: boolean;
  readonly size?: boolean;
  readonly closureSize?: boolean;
  readonly humanReadable?: boolean;
  readonly sigs?: boolean;
  readonly json?: boolean;
  readonly jsonFormat: '1' | '2';
  readonly pretty?: boolean;
  readonly all?: boolean;
  readonly stdin?: boolean;
}

/** What is printed of a path. */
type Row = PathInfoRecord & ClosureSizes;

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
    .option('--pretty', 'print the JSON on many lines (default: on a terminal)')
    .option('--no-pretty', 'print the JSON on one line (default: elsewhere)')
    .option('--all', 'all paths of the store')
    .option('--stdin', 'read paths from standard input, too')
    .addHelpText(
      'after',
      '\nExamples:\n  $ narkit path-info -rsSh ./result\n  $ narkit path-info --store https://cache.example.org --json /nix/store/…-hello',
    )
    .action((paths: string[], flags: Flags) => runPathInfo(context, paths, flags));
}

async function runPathInfo(context: Context, paths: string[], flags: Flags): Promise<void> {
  const { openStore } = await import('../store/open-store.ts');
  const store = await openStore(flags.store, storeOptions(context));
  try {
    const wanted = await collectStorePaths(context, store, { paths, stdin: flags.stdin, all: flags.all });
    const rows = await queryRows(context, store, wanted, flags);
    if (flags.json) await printJson(context, store, rows, flags);
    else await printLines(context, store, rows, flags);
  } finally {
    await store.close();
  }
}

/** All that is asked for, in the order of Nix; `undefined` for a path that is not valid. */
async function queryRows(
  context: Context,
  store: Store,
  wanted: ReadonlySet<StorePath>,
  flags: Flags,
): Promise<Map<StorePath, Row | undefined>> {
  const { signal } = context;
  let rows: ReadonlyMap<StorePath, PathInfo | undefined>;
  if (flags.recursive) rows = await queryClosure(store, wanted, signal);
  else {
    const found = await store.queryPathInfos(wanted, { signal });
    rows = new Map([...wanted].map((path) => [path, found.get(path)]));
  }
  const valid = [...rows].flatMap(([path, info]) => (info === undefined ? [] : path));
  const closure = flags.closureSize ? await queryClosure(store, valid, signal) : undefined;
  return new Map(
    sortTopologically(rows).map((path) => {
      const info = rows.get(path);
      return [path, info && { ...info, ...(closure && sumClosure(closure, path)) }];
    }),
  );
}

async function queryClosure(
  store: Store,
  paths: Iterable<StorePath>,
  signal: AbortSignal,
): Promise<ReadonlyMap<StorePath, PathInfo>> {
  const { computeClosure } = await import('../copy/closure.ts');
  const { infos, errors } = await computeClosure(store, paths, { signal });
  for (const error of errors.values()) throw error;
  return infos;
}

async function printJson(
  context: Context,
  store: Store,
  rows: ReadonlyMap<StorePath, Row | undefined>,
  flags: Flags,
): Promise<void> {
  const { formatPathInfosJson } = await import('../path-info-json.ts');
  const format = flags.jsonFormat === '2' ? 2 : 1;
  const json = formatPathInfosJson(rows, { format, storeDir: store.storeDir });
  const pretty = flags.pretty ?? context.stdout.isTTY;
  await writeOut(context, `${pretty ? JSON.stringify(JSON.parse(json), null, 2) : json}\n`);
}

async function printLines(
  context: Context,
  store: Store,
  rows: ReadonlyMap<StorePath, Row | undefined>,
  flags: Flags,
): Promise<void> {
  const names = [...rows.keys()].map((path) => formatStorePath(path, store.storeDir));
  const width = names.reduce((longest, name) => Math.max(longest, name.length), 0);
  const hasColumns = flags.size || flags.closureSize || flags.sigs;
  const formatSize = (bytes: number): string =>
    flags.humanReadable ? formatHumanSize(bytes) : String(bytes).padStart(11);
  for (const [path, row] of rows) {
    const name = formatStorePath(path, store.storeDir);
    if (row === undefined) throw new NarkitError('path-absent', `path '${name}' is not valid in '${store.uri}'`);
    const fields = [hasColumns ? name.padEnd(width) : name];
    if (flags.size) fields.push(formatSize(row.narSize));
    if (flags.closureSize) fields.push(formatSize(row.closureSize ?? 0));
    if (flags.sigs) fields.push(listTrust(row).join(' '));
    await writeOut(context, `${fields.join('\t')}\n`);
  }
}

/** Why one may believe in the path: built here, named by its content, signed. */
function listTrust({ ultimate, contentAddress, signatures }: Row): string[] {
  return [
    ...(ultimate ? ['ultimate'] : []),
    ...(contentAddress === undefined ? [] : [`ca:${formatContentAddress(contentAddress)}`]),
    ...signatures,
  ];
}

/** As Nix (`src/libutil/util.cc`, `renderSize` with alignment): at least KiB, one digit. */
function formatHumanSize(bytes: number): string {
  const units = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];
  let value = bytes / 1024;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${value.toFixed(1).padStart(6)} ${units[unit]}`;
}
