/**
 * What a verification finds, and what it comes to.
 *
 * @module
 */
import type { StorePath } from '../store-path.ts';

/**
 * How grave a finding is.
 *
 * - `corrupt`: what lies in the store is wrong, or is not all there.
 * - `untrusted`: nobody who is trusted vouches for the path.
 * - `other`: the store does not have what was asked for, or it could not be found out.
 * - `note`: nothing is wrong with a path; somebody may want to know.
 */
export type VerifySeverity = 'corrupt' | 'untrusted' | 'other' | 'note';

/**
 * What is wrong, by a stable name.
 *
 * | kind | severity | what it means |
 * |---|---|---|
 * | `cache-info` | corrupt | `nix-cache-info` is absent or cannot be read: most clients do not take it for a cache |
 * | `path-absent` | other | The store does not have a path that was named |
 * | `narinfo-corrupt` | corrupt | The narinfo cannot be read: cut, garbage, for another store directory, with a field that is none |
 * | `narinfo-foreign` | corrupt | The narinfo is for another path than its name says |
 * | `narinfo-quirk` | note | The narinfo has a field twice, or no space behind a colon: readers may differ in what they make of it |
 * | `narinfo-misnamed` | other | A file that looks like a narinfo, and that no client asks for |
 * | `unsigned` | untrusted | Nobody signed the path |
 * | `unknown-key` | untrusted | Only keys that are not trusted signed the path, or too few that are |
 * | `bad-signature` | untrusted | The signature by a trusted key is not one of this path, NAR hash, NAR size and references |
 * | `reference-missing` | other | The path refers to paths that the cache does not have |
 * | `nar-url` | corrupt | The narinfo's `URL` leads out of the cache |
 * | `nar-elsewhere` | note | The NAR lies on another server |
 * | `nar-missing` | corrupt | The NAR is not there; in the local store: the files of the path are gone |
 * | `compression-unknown` | corrupt | There is no compression method of the name that the narinfo has |
 * | `compression-unsupported` | other | Nix has the compression method, and narkit has not: the contents could not be looked at |
 * | `nar-damaged` | corrupt | The archive is damaged, cut short, or compressed by another method than the narinfo says |
 * | `nar-hash` | corrupt | The contents have another hash than the path info promises |
 * | `nar-size` | corrupt | The contents are more or fewer bytes than the path info promises |
 * | `file-hash` | corrupt | The compressed file has another hash than the narinfo promises |
 * | `file-size` | corrupt | The compressed file has more or fewer bytes than the narinfo promises |
 * | `listing-wrong` | note | The `.ls` file is not the listing of the NAR |
 * | `orphan-nar` | note | A NAR that no narinfo names |
 * | `orphan-listing` | note | A listing of a path that the cache does not have |
 * | `stray-file` | note | A file that no client of a cache asks for |
 * | `unreadable` | other | The network, a permission, a disk: what kept an answer from being given. It says nothing about the path |
 */
export type VerifyFindingKind =
  | 'cache-info'
  | 'path-absent'
  | 'narinfo-corrupt'
  | 'narinfo-foreign'
  | 'narinfo-quirk'
  | 'narinfo-misnamed'
  | 'unsigned'
  | 'unknown-key'
  | 'bad-signature'
  | 'reference-missing'
  | 'nar-url'
  | 'nar-elsewhere'
  | 'nar-missing'
  | 'compression-unknown'
  | 'compression-unsupported'
  | 'nar-damaged'
  | 'nar-hash'
  | 'nar-size'
  | 'file-hash'
  | 'file-size'
  | 'listing-wrong'
  | 'orphan-nar'
  | 'orphan-listing'
  | 'stray-file'
  | 'unreadable';

const severities: Readonly<Record<VerifyFindingKind, VerifySeverity>> = {
  'cache-info': 'corrupt',
  'path-absent': 'other',
  'narinfo-corrupt': 'corrupt',
  'narinfo-foreign': 'corrupt',
  'narinfo-quirk': 'note',
  'narinfo-misnamed': 'other',
  unsigned: 'untrusted',
  'unknown-key': 'untrusted',
  'bad-signature': 'untrusted',
  'reference-missing': 'other',
  'nar-url': 'corrupt',
  'nar-elsewhere': 'note',
  'nar-missing': 'corrupt',
  'compression-unknown': 'corrupt',
  'compression-unsupported': 'other',
  'nar-damaged': 'corrupt',
  'nar-hash': 'corrupt',
  'nar-size': 'corrupt',
  'file-hash': 'corrupt',
  'file-size': 'corrupt',
  'listing-wrong': 'note',
  'orphan-nar': 'note',
  'orphan-listing': 'note',
  'stray-file': 'note',
  unreadable: 'other',
};

/** Something that is not as it should be. */
export interface VerifyFinding {
  readonly kind: VerifyFindingKind;
  readonly severity: VerifySeverity;
  /** The path at stake, where it is known. */
  readonly path?: StorePath;
  /** The file of the cache at stake. */
  readonly key?: string;
  /** What is wrong, for a person. */
  readonly message: string;
  /** Of `reference-missing`: the paths that are missing. */
  readonly references?: readonly StorePath[];
  /** Bytes of the file, of `orphan-nar`, `orphan-listing` and `stray-file`. */
  readonly size?: number;
  /** Present when it was mended: it counts no more. */
  readonly repaired?: true;
  /** Why it could not be mended, where that was tried. */
  readonly repairFailure?: string;
  /** Where the narinfo lies now, when it was taken out of sight. */
  readonly quarantineKey?: string;
}

/** A finding of a kind. */
export function createFinding(
  kind: VerifyFindingKind,
  message: string,
  place: Omit<VerifyFinding, 'kind' | 'severity' | 'message'> = {},
): VerifyFinding {
  return { kind, severity: severities[kind], ...place, message };
}

/** What a verification came to. Findings that were mended count as `repaired` alone. */
export interface VerifySummary {
  /** Paths that were looked at. */
  readonly paths: number;
  /** Bytes of the NARs that were read. */
  readonly narBytes: number;
  /** Findings of this severity; so are the next three. */
  readonly corrupt: number;
  readonly untrusted: number;
  readonly other: number;
  readonly notes: number;
  /** Findings that were mended. */
  readonly repaired: number;
  /** Narinfo files that were taken out of sight. */
  readonly quarantined: number;
}

/**
 * The exit code of `nix store verify`: the sum of 1 for corrupt, 2 for untrusted, 4 for other.
 *
 * Of a NAR that is missing or does not decompress Nix says 4, and it ends with 1 at the first narinfo that it cannot parse. Here all of
 * these are 1: they are damage, and reading again mends none of it.
 */
export function verifyExitCode(summary: VerifySummary): number {
  return (summary.corrupt > 0 ? 1 : 0) + (summary.untrusted > 0 ? 2 : 0) + (summary.other > 0 ? 4 : 0);
}
