/**
 * How journal, status, events and commands call a destination.
 *
 * @module
 */

/** The URI as the configuration file has it, without a password in it. */
export function destinationName(uri: string): string {
  return uri.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, '$1');
}
