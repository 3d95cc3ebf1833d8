/**
 * What an `s3://` URI says of a bucket.
 *
 * @module
 */
import { parseRetrySettings } from '../retry.ts';
import {
  checkS3Settings,
  defaultRegion,
  type S3AddressingStyle,
  type S3Settings,
  settingError,
} from './s3-settings.ts';

/** Settings as a URI has them, and the parameters that are none of them. */
export interface ParsedS3Settings {
  readonly settings: S3Settings;
  readonly rest: ReadonlyMap<string, string>;
}

/**
 * Take the settings of a bucket out of a store URI that was taken apart.
 *
 * @param authority what stands between `s3://` and the parameters, percent-encoded: a bucket, and perhaps a folder in it.
 * @param options `onWarning` is told of forms that Nix calls deprecated.
 * @throws {@link NarkitError} `setting` when the bucket or a value is none.
 * @example
 * ```ts
 * import { parseS3Settings } from 'narkit/backend/s3';
 *
 * const { settings } = parseS3Settings('cache/nix', new Map([['region', 'eu-central-1'], ['storage-class', 'STANDARD_IA']]));
 * if (settings.bucket !== 'cache' || settings.prefix !== 'nix') throw new Error('unexpected');
 * ```
 */
export function parseS3Settings(
  authority: string,
  parameters: ReadonlyMap<string, string>,
  options: { readonly onWarning?: ((message: string) => void) | undefined } = {},
): ParsedS3Settings {
  const retry = parseRetrySettings(parameters);
  const rest = new Map(retry.rest);
  /** The value of a parameter, read by `parse`; an empty one is none. */
  const take = <Value = string>(name: string, parse?: (name: string, value: string) => Value): Value | undefined => {
    const value = rest.get(name);
    rest.delete(name);
    if (value === undefined || value === '') return undefined;
    return parse === undefined ? (value as Value) : parse(name, value);
  };

  const [bucket, ...folders] = authority.replace(/\/+$/, '').split('/').map(decodeURIComponent);
  const bufferSize = take('buffer-size', parseByteCount);
  const settings: S3Settings = {
    bucket: bucket!,
    prefix: folders.length > 0 ? folders.join('/') : undefined,
    profile: take('profile'),
    region: take('region'),
    storageClass: take('storage-class'),
    multipartUpload: take('multipart-upload', parseBoolean),
    multipartChunkSize: take('multipart-chunk-size', parseByteCount) ?? bufferSize,
    multipartThreshold: take('multipart-threshold', parseByteCount),
    tlsCertificate: take('tls-certificate'),
    tlsPrivateKey: take('tls-private-key'),
    addressingStyle: take('addressing-style', parseAddressingStyle),
    retry: retry.settings,
  };
  const placed = { ...settings, ...parseEndpoint(settings, take('endpoint'), take('scheme'), options.onWarning) };
  checkS3Settings(placed);
  return { settings: placed, rest };
}

/** Endpoint and scheme, of which Nix forgives several forms. */
function parseEndpoint(
  { bucket, region = defaultRegion, addressingStyle = 'auto' }: S3Settings,
  endpoint: string | undefined,
  scheme: string | undefined,
  onWarning: ((message: string) => void) | undefined,
): Pick<S3Settings, 'endpoint' | 'addressingStyle'> {
  if (scheme !== undefined && scheme !== 'http' && scheme !== 'https')
    throw settingError('scheme', scheme, `'http' or 'https'`);
  if (scheme !== undefined)
    onWarning?.(`the S3 parameter 'scheme' is deprecated: write it into the endpoint, 'endpoint=${scheme}://…'`);
  if (endpoint?.includes('://')) return { endpoint };
  if (endpoint !== undefined) {
    onWarning?.(
      `the S3 endpoint '${endpoint}' has no scheme, which is deprecated: write 'endpoint=https://${endpoint}'`,
    );
    return { endpoint: `${scheme ?? 'https'}://${endpoint}` };
  }
  if (scheme !== 'http') return {};
  // AWS without TLS, addressed as AWS is.
  const style = addressingStyle === 'auto' && !bucket.includes('.') ? 'virtual' : addressingStyle;
  return { endpoint: `http://s3.${region}.amazonaws.com`, addressingStyle: style };
}

function parseAddressingStyle(name: string, value: string): S3AddressingStyle {
  if (value === 'auto' || value === 'path' || value === 'virtual') return value;
  throw settingError(name, value, `'auto', 'path' or 'virtual'`);
}

/** Nix takes exactly these words (`src/libutil/configuration.cc`). */
function parseBoolean(name: string, value: string): boolean {
  if (['true', 'yes', '1'].includes(value)) return true;
  if (['false', 'no', '0'].includes(value)) return false;
  throw settingError(name, value, `'true' or 'false'`);
}

const units = ['', 'K', 'M', 'G', 'T'];

/** A number, perhaps with one of Nix's units for powers of 1024 (`string2IntWithUnitPrefix`). */
function parseByteCount(name: string, value: string): number {
  const match = /^(\d{1,15})([KMGT]?)$/i.exec(value);
  const bytes = match === null ? Number.NaN : Number(match[1]) * 1024 ** units.indexOf(match[2]!.toUpperCase());
  if (Number.isSafeInteger(bytes)) return bytes;
  throw settingError(name, value, `a number of bytes, such as '16777216' or '16M'`);
}
