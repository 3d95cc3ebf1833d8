/**
 * What `narkit store verify` says: a line of JSON for each finding, or words for a person and at the end what to do.
 *
 * @module
 */
import type { Store } from '../store/store.ts';
import { formatStorePath } from '../store-path.ts';
import type { VerifyEvent, VerifyFinding, VerifyFindingKind, VerifySummary } from '../verify/index.ts';
import { type Context, ReaderGoneError, writeOut } from './context.ts';
import { formatBytes } from './format-bytes.ts';
import { createRedrawnLine } from './redrawn-line.ts';

/** What to say. */
export interface VerifyOutputOptions {
  readonly store: Store;
  readonly json?: boolean | undefined;
  readonly quiet?: boolean | undefined;
  readonly verbose?: boolean | undefined;
}

/** Follows a verification. */
export interface VerifyOutput {
  onEvent(event: VerifyEvent): void;
  onFinding(finding: VerifyFinding): Promise<void>;
  /** Take the progress line away, and say what it came to, when it came to its end. */
  end(summary?: VerifySummary): Promise<void>;
}

const mend = "mend it with '--repair-from STORE', or hide it from clients with '--quarantine'";
const rewrite = "mend it with '--repair-from STORE', or copy the path again";
const signIt =
  "have it signed: '--repair-from STORE' takes signatures from a store that has them, 'narkit store sign' makes new ones";

/** What a person does about each kind. */
const advice: Readonly<Partial<Record<VerifyFindingKind, string>>> = {
  'cache-info': "'--repair-from STORE' writes a new one, as does the next copy into a cache that has none",
  'path-absent': "copy it there, or use '--repair-from STORE'",
  'narinfo-corrupt': mend,
  'narinfo-foreign': mend,
  'narinfo-quirk': 'clients may differ in what they read: copy the path again to be sure',
  'narinfo-misnamed': 'delete it, or give it its name back',
  unsigned: signIt,
  'unknown-key': "if the key is to be trusted, name it with '--trusted-public-keys'; else sign the path",
  'bad-signature':
    'somebody may have changed the narinfo: mend it with --repair-from STORE, from a store that you trust',
  'reference-missing':
    "copy them there ('--repair-from STORE'), or name the cache that clients get them from with '--substituter'",
  'nar-url': mend,
  'nar-missing': mend,
  'compression-unknown': mend,
  'compression-unsupported': "read it with a Nix that has the method, or verify with '--no-contents'",
  'nar-damaged': mend,
  'nar-hash': mend,
  'nar-size': mend,
  'file-hash': rewrite,
  'file-size': rewrite,
  'listing-wrong': 'delete it: clients read the NAR then',
  'orphan-nar':
    'it may be of an upload that is under way, or of a narinfo that is broken or put aside; else it can be deleted',
  'orphan-listing': 'delete it',
  'stray-file': 'delete it, if nobody knows what it is for',
  unreadable: 'see to the network, or to permissions, and verify again: nothing is known about these',
};

/** Words on the context's stderr, data on its stdout. */
export function createVerifyOutput(context: Context, options: VerifyOutputOptions): VerifyOutput {
  const { store, json = false, quiet = false, verbose = false } = options;
  const counts = new Map<VerifyFindingKind, number>();
  let paths: number | undefined;
  let checked = 0;
  let narBytes = 0;
  let hasReader = true;
  const line = createRedrawnLine(context, quiet, () => {
    const of = paths === undefined ? '' : `/${paths}`;
    return `[${checked}${of} paths, ${formatBytes(narBytes)}] verifying ${store.uri}`;
  });
  const say = (text: string): void => line.above(() => context.stderr.write(`${text}\n`));

  /** Who reads no further still wants the verdict. */
  async function writeJson(value: unknown): Promise<void> {
    if (!hasReader) return;
    try {
      await writeOut(context, `${JSON.stringify(value)}\n`);
    } catch (error) {
      if (!(error instanceof ReaderGoneError)) throw error;
      hasReader = false;
    }
  }

  return {
    onEvent(event) {
      if (event.type === 'planned') paths = event.paths;
      else if (event.type === 'checked') checked++;
      else narBytes += event.narBytes;
    },
    async onFinding(finding) {
      const { kind, severity, message, repaired, repairFailure, quarantineKey } = finding;
      if (!repaired) counts.set(kind, (counts.get(kind) ?? 0) + 1);
      if (json) await writeJson(formatFinding(finding, store.storeDir));
      if (quiet || (severity === 'note' && !verbose)) return;
      say(`${repaired ? 'repaired: ' : ''}${message} [${kind}]`);
      if (repairFailure !== undefined) say(`  not repaired: ${repairFailure}`);
      if (quarantineKey !== undefined)
        say(`  its narinfo lies in '${quarantineKey}' now: move it back to bring the path back`);
    },
    async end(summary) {
      line.end();
      if (summary === undefined) return;
      if (json) await writeJson({ summary: { store: store.uri, ...summary } });
      if (quiet) return;
      say(formatSummary(summary, store.uri));
      for (const [kind, count] of [...counts].sort(([left], [right]) => (left < right ? -1 : 1)))
        say(`  ${count} ${kind}: ${advice[kind]}`);
    },
  };
}

function formatFinding({ kind, severity, path, references, ...rest }: VerifyFinding, storeDir: string): unknown {
  return {
    kind,
    severity,
    ...(path !== undefined && { path: formatStorePath(path, storeDir) }),
    ...(references && { references: references.map((reference) => formatStorePath(reference, storeDir)) }),
    ...rest,
  };
}

function formatSummary(summary: VerifySummary, uri: string): string {
  const { paths, narBytes, corrupt, untrusted, other, notes, repaired, quarantined } = summary;
  const found = Object.entries({
    corrupt,
    untrusted,
    other,
    repaired,
    quarantined,
    [notes === 1 ? 'note' : 'notes']: notes,
  })
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${name}`);
  const read = narBytes > 0 ? ` (${formatBytes(narBytes)} of contents)` : '';
  return `${uri}: ${paths} ${paths === 1 ? 'path' : 'paths'} verified${read}: ${found.join(', ') || 'all well'}`;
}
