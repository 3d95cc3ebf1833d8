/**
 * What goes wrong in a text that should have been nix32, base16 or base64.
 *
 * @module
 */
import { NarkitError } from '../errors.ts';

/**
 * A text that is not in the encoding that it should be in.
 *
 * Neither the message nor a field holds the text: it may have been a secret key.
 */
export class EncodingError extends NarkitError {
  /** The encoding that was expected. */
  readonly encoding: 'nix32' | 'base16' | 'base64';

  constructor(encoding: 'nix32' | 'base16' | 'base64', reason: string) {
    super('encoding', `not ${encoding}: ${reason}`);
    this.encoding = encoding;
  }
}
