import { NarkitError } from '../errors.ts';

/** What a store could not do, with the path at stake. */
export class StoreError extends NarkitError {
  /** The store's URI. */
  readonly uri: string;
  /** The store path, in full, where one was at stake. */
  readonly path: string | undefined;

  constructor(
    code: string,
    message: string,
    options: ErrorOptions & { readonly uri: string; readonly path?: string | undefined },
  ) {
    super(code, message, options);
    this.uri = options.uri;
    this.path = options.path;
  }
}

/** A NAR's hash (`sha256:<nix32>`) and size in bytes, for a message. */
export interface NarMeasure {
  readonly narHash: string;
  readonly narSize: number;
}

/**
 * The bytes of a NAR are not those that the path info promises; `uri` is the store that found out. Of a NAR that is too long, `actual` may
 * tell what was read until that was clear.
 */
export class NarMismatchError extends StoreError {
  readonly expected: NarMeasure;
  readonly actual: NarMeasure;

  constructor(path: string, uri: string, expected: NarMeasure, actual: NarMeasure) {
    super(
      'nar-mismatch',
      `the NAR of '${path}' has hash ${actual.narHash} and ${actual.narSize} bytes, but its path info says ` +
        `${expected.narHash} and ${expected.narSize} bytes`,
      { uri, path },
    );
    this.expected = expected;
    this.actual = actual;
  }
}
