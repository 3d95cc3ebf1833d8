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

/** The bytes of a NAR are not those that the path info promises. */
export class NarMismatchError extends StoreError {
  constructor(
    path: string,
    uri: string,
    expected: { readonly narHash: string; readonly narSize: number },
    actual: { readonly narHash: string; readonly narSize: number },
  ) {
    super(
      'nar-mismatch',
      `the NAR of '${path}' from '${uri}' has hash ${actual.narHash} and ${actual.narSize} bytes, but the store recorded ` +
        `${expected.narHash} and ${expected.narSize} bytes: the path was changed after it was registered`,
      { uri, path },
    );
  }
}
