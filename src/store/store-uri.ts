/**
 * Store URIs: how a user says which store is meant, in Nix's own words.
 *
 * `auto`, `daemon`, `local`, `local?root=DIR`, a bare directory, `unix://…`, `file://…`, `http(s)://…`, `s3://bucket?…`, and narkit's
 * own `tree:DIR`. Parsing needs no file system: a relative directory stays relative until the store is opened.
 *
 * Rules: Nix `src/libstore/store-reference.cc` and `src/libutil/url.cc` (`parseURL` and `decodeQuery`, both lenient).
 *
 * @module
 */
import { NarkitError } from '../errors.ts';

/** A store URI, taken apart and not yet opened. Nix calls it a store reference. */
export interface StoreUri {
  /** `auto`, `unix` (also for `daemon`), `local` (also for a bare directory), `file`, `http`, `https`, `s3`, `tree`, or another. */
  readonly scheme: string;
  /** What stands between `scheme://` and the parameters, percent-encoded: host and path, or a path, or nothing. */
  readonly authority: string;
  /** Settings of the store, decoded. Of a name that is given twice the first counts, as in Nix. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** A text that is no store URI, or one of a store that narkit cannot open. */
export class StoreUriError extends NarkitError {
  /** The text as it was given, without user name and password. */
  readonly uri: string;

  constructor(uri: string, reason: string, options?: ErrorOptions) {
    const safeUri = uri.replaceAll(/:\/\/[^?#]*@/g, '://…@');
    super('store-uri', `cannot use '${safeUri}' as a Nix store: ${reason}`, options);
    this.uri = safeUri;
  }
}

/**
 * Parse a store URI.
 *
 * @param options `onWarning` is told of a parameter without a value, which is left out, as by Nix.
 * @throws {@link StoreUriError} when Nix could not parse it either.
 * @example
 * ```ts
 * const uri = parseStoreUri('s3://cache?region=eu-central-1&compression=zstd');
 * uri.scheme; // 's3'
 * uri.parameters.get('compression'); // 'zstd'
 * ```
 */
export function parseStoreUri(
  text: string,
  options: { readonly onWarning?: ((message: string) => void) | undefined } = {},
): StoreUri {
  if (/\p{Surrogate}/u.test(text)) throw new StoreUriError(text, 'it is not Unicode text');
  const queryStart = text.indexOf('?');
  const base = queryStart < 0 ? text : text.slice(0, queryStart);
  const bareTree = /^tree:(?!\/\/)(.+)$/s.exec(base);
  const url = bareTree ? undefined : parseUrl(text);
  const parameters = parseQuery(url ? url.query : text.slice(base.length + 1), text, options.onWarning);

  if (bareTree) return { scheme: 'tree', authority: encodePath(bareTree[1]!), parameters };
  if (url) return { scheme: url.scheme, authority: url.authority, parameters };
  if (base === '' || base === 'auto') return { scheme: 'auto', authority: '', parameters };
  if (base === 'daemon') return { scheme: 'unix', authority: '', parameters };
  if (base === 'local') return { scheme: 'local', authority: '', parameters };
  if (/^[A-Za-z]:\\/.test(base))
    return { scheme: 'local', authority: `/${encodePath(base.replaceAll('\\', '/'))}`, parameters };
  if (!base.includes('://') && base.includes('/')) return { scheme: 'local', authority: encodePath(base), parameters };
  const address = parseBareIpv6(base);
  if (address) return { ...address, parameters };
  throw new StoreUriError(
    text,
    `write 'auto', 'daemon', 'local', a directory with a '/', or a URL such as 's3://bucket'`,
  );
}

/**
 * The URI for messages: in Nix's spelling, without user name and password.
 *
 * @example
 * ```ts
 * formatStoreUri(parseStoreUri('https://user:secret@cache.example.org')); // 'https://cache.example.org'
 * ```
 */
export function formatStoreUri(uri: StoreUri): string {
  const query = [...uri.parameters]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, value]) => `${encodeParameter(name)}=${encodeParameter(withoutUserInfo(value))}`)
    .join('&');
  return withoutUserInfo(formatBase(uri, query !== '')) + (query && `?${query}`);
}

/** The path that the URI names, decoded; `undefined` when it names none. For `local`, `unix`, `file` and `tree`. */
export function storeUriPath(uri: StoreUri): string | undefined {
  return uri.authority === '' ? undefined : decodeURIComponent(uri.authority);
}

function formatBase({ scheme, authority }: StoreUri, hasParameters: boolean): string {
  if (scheme === 'auto') return 'auto';
  if (scheme === 'tree') {
    const path = decodeURIComponent(authority);
    if (!/^\/\/|\?/.test(path)) return `tree:${path}`;
  }
  if (authority === '' && !hasParameters && scheme === 'unix') return 'daemon';
  if (authority === '' && !hasParameters && scheme === 'local') return 'local';
  return `${scheme}://${authority}`;
}

/** RFC 3986, appendix B, with a scheme. Nix forgives a space and a `"` in the query, and takes any fragment without using it. */
const urlPattern = /^([A-Za-z][A-Za-z0-9+.-]*):(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#.*)?$/s;
const pathPattern = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*$/;
const authorityPattern =
  /^(?:(?:[A-Za-z0-9\-._~!$&'()*+,;=:]|%[0-9A-Fa-f]{2})*@)?(\[[^\]]*\]|(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*)(?::(\d*))?$/;
const queryPattern = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?[\] "]|%[0-9A-Fa-f]{2})*$/;

function parseUrl(
  text: string,
): { readonly scheme: string; readonly authority: string; readonly query: string } | undefined {
  const match = urlPattern.exec(text);
  if (!match) return undefined;
  const [, scheme, authority, path, query = ''] = match as unknown as [string, string, string?, string?, string?];
  if (!pathPattern.test(path!) || !queryPattern.test(query) || !isPercentEncodedText(path!)) return undefined;
  if (authority === undefined) return { scheme, authority: path!, query };
  if (!isPercentEncodedText(authority)) return undefined;
  if (!isAuthority(authority) || (scheme === 'file' && authority !== '')) return undefined;
  return { scheme, authority: authority + (path === '' && scheme === 'file' ? '/' : path), query };
}

function isAuthority(authority: string): boolean {
  const match = authorityPattern.exec(authority);
  if (!match) return false;
  const [, host, port] = match;
  if (port !== undefined && port !== '' && !(Number(port) > 0 && Number(port) < 65536)) return false;
  return !host!.startsWith('[') || isIpv6(host!.slice(1, -1).replace(/%25[A-Za-z0-9\-._~%]+$/, ''));
}

/** Old Nix took IPv6 addresses without brackets, and zones with a bare `%`: still accepted, and put right. */
function parseBareIpv6(base: string): { readonly scheme: string; readonly authority: string } | undefined {
  const match = /^([^:]*):(?:\/\/)?([^@]*@)?(.*)$/s.exec(base);
  if (!match) return undefined;
  const [, scheme, userInfo = '', host] = match;
  const [, address, zone] = /^([^%]*)(?:%(.*))?$/s.exec(host!.replace(/^\[(.*)\]$/s, '$1'))!;
  if (!isIpv6(address!)) return undefined;
  const authority = `${userInfo}[${address}${zone === undefined ? '' : `%25${zone}`}]`;
  return isPercentEncodedText(authority) ? { scheme: scheme!, authority } : undefined;
}

function isIpv6(address: string): boolean {
  return /^[0-9A-Fa-f:.]+$/.test(address) && URL.canParse(`http://[${address}]`);
}

function parseQuery(query: string, uri: string, onWarning?: (message: string) => void): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const parameter of query === '' ? [] : query.split('&')) {
    const equals = parameter.indexOf('=');
    const name = decodeParameter(equals < 0 ? parameter : parameter.slice(0, equals), uri);
    if (equals < 0) {
      onWarning?.(`the store URI's parameter '${name}' has no '=' and no value: ignored`);
      continue;
    }
    const value = decodeParameter(parameter.slice(equals + 1), uri);
    if (!parameters.has(name)) parameters.set(name, value);
  }
  return parameters;
}

/** A `+` stays a `+`: these are URIs, not forms. */
function decodeParameter(text: string, uri: string): string {
  if (queryPattern.test(text) && isPercentEncodedText(text)) return decodeURIComponent(text);
  throw new StoreUriError(uri, 'its parameters are not percent-encoded UTF-8');
}

/** Does every `%xx` belong to UTF-8? */
function isPercentEncodedText(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

function encodePath(path: string): string {
  return encodeParameter(path).replaceAll('?', '%3F');
}

/** Percent-encode all but unreserved characters and `:@/?`, as Nix does in what it prints. */
function encodeParameter(text: string): string {
  return encodeURIComponent(text)
    .replaceAll(/%(?:3A|40|2F|3F)/g, (escaped) => decodeURIComponent(escaped))
    .replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** User name and password stand between `://` and the last `@` of the authority. */
function withoutUserInfo(text: string): string {
  return text.replaceAll(/:\/\/[^/?#]*@/g, '://');
}
