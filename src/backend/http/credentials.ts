/**
 * Who is told which secret.
 *
 * @module
 */
import { findNetrcEntry, type Netrc } from './netrc.ts';

/** The secrets that a backend was given. */
export interface HttpCredentials {
  /** Sent as `Authorization: Bearer …`. */
  readonly bearerToken?: string | undefined;
  /** Logins by host, for those that neither a token nor the URL is for. */
  readonly netrc?: Netrc | undefined;
}

/** A URL with its user and password taken out of it. */
export interface BareUrl {
  readonly url: URL;
  /** `user:password`, where the URL had them. */
  readonly login: string | undefined;
}

/**
 * Take user and password out of a URL.
 *
 * @throws TypeError when they are not percent-encoded UTF-8; the message does not repeat them.
 */
export function takeLogin(from: URL): BareUrl {
  const url = new URL(from);
  if (url.username === '' && url.password === '') return { url, login: undefined };
  url.username = '';
  url.password = '';
  try {
    return { url, login: `${decodeURIComponent(from.username)}:${decodeURIComponent(from.password)}` };
  } catch {
    throw new TypeError(`the user or password in the URL of '${url.href}' is not percent-encoded UTF-8`);
  }
}

/**
 * What to send as `Authorization` to a URL.
 *
 * Token and login go to the scheme, host and port that they were given for, and nowhere else. A netrc file names its hosts
 * itself; what began encrypted does not send its login in the clear.
 */
export function createAuthorization(
  { url: base, login }: BareUrl,
  { bearerToken, netrc = [] }: HttpCredentials,
): (target: URL) => string | undefined {
  if (bearerToken !== undefined && !/^[\x21-\x7e]+$/.test(bearerToken))
    throw new TypeError(
      'a bearer token has printable ASCII characters alone: is there a line end or a space in its file?',
    );
  return (target) => {
    if (target.origin === base.origin) {
      if (bearerToken !== undefined) return `Bearer ${bearerToken}`;
      if (login !== undefined) return basic(login);
    }
    if (base.protocol === 'https:' && target.protocol !== 'https:') return undefined;
    const entry = findNetrcEntry(netrc, target.hostname);
    if (entry === undefined || (entry.login === undefined && entry.password === undefined)) return undefined;
    return basic(`${entry.login ?? ''}:${entry.password ?? ''}`);
  };
}

/** RFC 7617, in UTF-8. */
function basic(login: string): string {
  return `Basic ${btoa(String.fromCharCode(...new TextEncoder().encode(login)))}`;
}
