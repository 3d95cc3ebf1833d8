/**
 * Options of the commands on hashes.
 *
 * @module
 */
import { Option } from 'commander';
import { type HashFormat, hashAlgorithms, hashFormats } from '../hash/hash.ts';

/** `--algo sha256` and the like. */
export function hashAlgorithmOption(flags: string, description: string): Option {
  return new Option(flags, description).choices(hashAlgorithms);
}

/** `--format sri` and the like. Nix takes `base32` still, for what it calls `nix32` now. */
export function hashFormatOption(flags: string, description: string): Option {
  const option = new Option(flags, description).choices(hashFormats);
  const parse = option.parseArg!;
  // The type of `parseArg` has all values that any option may have; a choice's is a text.
  return option.argParser((value, previous: HashFormat) =>
    value === 'base32' ? 'nix32' : (parse(value, previous) as unknown as HashFormat),
  );
}
