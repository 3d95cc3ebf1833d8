/**
 * Derivations: what a `.drv` file says.
 *
 * @module
 */
import { NarkitError } from '../errors.ts';
import type { StorePath } from '../store-path.ts';

/** One output of a derivation, as the ATerm form has it. */
export interface DerivationOutput {
  /** Absent while nobody knows it: floating content-addressed, deferred and impure outputs. */
  readonly path?: StorePath;
  /** `sha256`, `r:sha256`, `text:sha256` …; empty unless the output is content-addressed. */
  readonly hashAlgorithm: string;
  /** base16 of a fixed output; empty otherwise, `impure` of an impure one. */
  readonly hash: string;
}

/** Which outputs of another derivation are wanted. */
export interface DerivationInput {
  readonly outputs: readonly string[];
  /** Outputs of outputs that are themselves derivations (Nix's experimental `dynamic-derivations`). */
  readonly dynamicOutputs?: ReadonlyMap<string, DerivationInput>;
}

/** What a `.drv` file says. Nix strings are bytes: what may be other than UTF-8 is kept as bytes. */
export interface Derivation {
  readonly outputs: ReadonlyMap<string, DerivationOutput>;
  readonly inputDerivations: ReadonlyMap<StorePath, DerivationInput>;
  readonly inputSources: readonly StorePath[];
  readonly platform: string;
  readonly builder: string;
  readonly args: readonly Uint8Array[];
  readonly env: ReadonlyMap<string, Uint8Array>;
}

/** A text that should have been a derivation and is none. */
export class DerivationError extends NarkitError {
  /** The byte where it goes wrong. */
  readonly offset: number;

  constructor(where: string, reason: string, offset: number, options?: ErrorOptions) {
    super('derivation', `'${where}' is not a derivation: ${reason}, at byte ${offset}`, options);
    this.offset = offset;
  }
}

/** The paths of the outputs by their names, as far as they are known without building. */
export function derivationOutputPaths(derivation: Derivation): Map<string, StorePath> {
  const paths = new Map<string, StorePath>();
  for (const [name, { path }] of derivation.outputs) if (path !== undefined) paths.set(name, path);
  return paths;
}
