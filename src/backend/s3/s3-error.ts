/**
 * What S3, the SDK and the network say, as one line that names the bucket and what to do.
 *
 * @module
 */
import { isNarkitError, messageOf } from '../../errors.ts';
import { BackendError, type BackendErrorCode } from '../backend.ts';
import { parseRetryAfter } from '../retry.ts';
import { CredentialsTimeoutError } from './s3-client.ts';

/** What was asked of which bucket. */
export interface S3Place {
  readonly uri: string;
  readonly bucket: string;
  readonly region: string;
  readonly endpoint: string | undefined;
  readonly profile: string | undefined;
  readonly key?: string | undefined;
  readonly doing: 'read' | 'look for' | 'write' | 'delete' | 'list';
}

/** What the SDK throws, as far as it can be relied on. */
interface S3Failure extends Error {
  /** Of the system: `ECONNREFUSED`, … */
  readonly code?: unknown;
  readonly hostname?: unknown;
  readonly Region?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $response?: { readonly statusCode?: number; readonly headers?: Readonly<Record<string, string>> };
}

type Verdict = readonly [code: BackendErrorCode, reason: string, retryable?: boolean];

/** S3's codes that say "again" whatever the status: damage on the way, and those of Nix's `src/libstore/filetransfer.cc`. */
const transientCodes = new Set([
  'BadDigest',
  'XAmzContentSHA256Mismatch',
  'IncompleteBody',
  'InternalError',
  'InternalFailure',
  'InternalServerError',
  'RequestExpired',
  'RequestTimeout',
  'RequestTimeTooSkewed',
  'RequestThrottled',
  'SlowDown',
  'ServiceUnavailable',
  'Throttling',
  'ThrottledException',
]);

/** The error to throw for what was caught: narkit's own as it is, all else as a {@link BackendError}. */
export function s3Error(error: unknown, place: S3Place): Error {
  if (isNarkitError(error)) return error;
  const failure = (error instanceof Error ? error : new Error(messageOf(error))) as S3Failure;
  const status = statusOf(failure);
  const [code, reason, retryable = false] =
    status === undefined ? judgeFailure(failure, place) : judgeAnswer(failure, status, place);
  const target = place.key === undefined ? `the bucket '${place.bucket}'` : `'${place.key}' in '${place.bucket}'`;
  const at = place.endpoint === undefined ? `AWS ${place.region}` : place.endpoint;
  return new BackendError(code, `cannot ${place.doing} ${target} at ${at}: ${reason}`, {
    uri: place.uri,
    key: place.key,
    retryable,
    status,
    retryAfterMs: parseRetryAfter(failure.$response?.headers?.['retry-after']),
    // The SDK's error is not kept: S3's answer to a bad signature repeats the request, with the session token in it.
    cause: status === undefined ? error : new S3Refusal(failure.name, oneLine(failure.message)),
  });
}

/** What S3 said no with, by its own code; the cause of a {@link BackendError}. */
class S3Refusal extends Error {
  /** Such as `NoSuchKey`; `NotFound` or `Unknown` for an answer without a body. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(`${code}: ${message}`);
    this.code = code;
  }
}

/** S3's code for what it refused, where S3 refused. */
export function s3CodeOf(error: unknown): string | undefined {
  return error instanceof BackendError && error.cause instanceof S3Refusal ? error.cause.code : undefined;
}

/** The HTTP status that this error of the SDK's came with; none when there was no answer. */
export function statusOf(error: unknown): number | undefined {
  const failure = error as S3Failure;
  return failure.$metadata?.httpStatusCode ?? failure.$response?.statusCode;
}

/** S3 answered, and said no. */
function judgeAnswer(failure: S3Failure, status: number, place: S3Place): Verdict {
  const name = isNameless(failure) ? 'no reason given' : oneLine(failure.name);
  const rightRegion = failure.$response?.headers?.['x-amz-bucket-region'] ?? failure.Region;
  const profile = place.profile === undefined ? '' : ` of the profile '${place.profile}'`;
  switch (name) {
    case 'NoSuchBucket':
      return ['backend-refused', 'there is no such bucket'];
    case 'SignatureDoesNotMatch':
      return ['backend-denied', `the secret key${profile} is wrong (${name})`];
    case 'InvalidAccessKeyId':
      return ['backend-denied', `it does not know the access key${profile} (${name})`];
    case 'ExpiredToken':
    case 'ExpiredTokenException':
    case 'InvalidToken':
    case 'TokenRefreshRequired':
      return ['backend-denied', `the session token${profile} is no longer good: log in again (${name})`];
    case 'AccessDenied':
    case 'AllAccessDisabled':
    case 'AccountProblem':
      return ['backend-denied', `the credentials${profile} do not allow it (${name})`];
    case 'RequestTimeTooSkewed':
      return ['backend-denied', `the clock of this machine is wrong (${name})`, true];
    case 'QuotaExceeded':
    case 'XMinioStorageFull':
      return ['backend-full', `no room is left there (${name})`];
  }
  if (typeof rightRegion === 'string' && rightRegion !== place.region)
    return ['backend-refused', `its region is '${oneLine(rightRegion)}', not '${place.region}': write 'region=…'`];
  if (status === 301 || status === 307)
    return ['backend-refused', `it must be asked at another endpoint: check 'region' and 'endpoint' (${name})`];
  if (status === 507) return ['backend-full', `no room is left there (${name})`];
  if (status === 429 || status === 503) return ['backend-refused', `it is overloaded (${name}, HTTP ${status})`, true];
  const reason = `${isNameless(failure) ? name : oneLine(`${name}: ${failure.message}`)} (HTTP ${status})`;
  if (transientCodes.has(name) || isTransient(status)) return ['backend-refused', reason, true];
  return [status === 401 || status === 403 ? 'backend-denied' : 'backend-refused', reason];
}

/** Nix's table (`src/libstore/filetransfer.cc`). */
function isTransient(status: number): boolean {
  return status === 408 || status === 429 || (status >= 500 && ![501, 505, 511].includes(status));
}

/** No answer came, or none that the SDK could read. */
function judgeFailure(failure: S3Failure, { profile }: S3Place): Verdict {
  const code = typeof failure.code === 'string' ? failure.code : '';
  if (failure instanceof CredentialsTimeoutError) return ['backend-unreachable', failure.message, true];
  if (failure.name === 'CredentialsProviderError' || failure.name === 'TokenProviderError')
    return ['backend-denied', `no AWS credentials were found ${whereLooked(profile)}: ${oneLine(failure.message)}`];
  if (code === 'ECONNREFUSED') return ['backend-unreachable', 'nothing listens there (connection refused)', true];
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return ['backend-unreachable', `the host '${failure.hostname}' has no address (${code})`, true];
  if (/^(EPROTO$|ERR_TLS_|ERR_SSL_|CERT_|CRL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|INVALID_CA$|HOSTNAME_)/.test(code))
    return ['backend-unreachable', `no secure connection (${code}): ${oneLine(failure.message)}`];
  if (code === 'ETIMEDOUT' || (failure.name === 'TimeoutError' && code === ''))
    return ['backend-unreachable', 'no answer came in time', true];
  if (/^(E[A-Z]+|ERR_STREAM_PREMATURE_CLOSE)$/.test(code))
    return ['backend-unreachable', `the connection broke: ${oneLine(failure.message)}`, true];
  return ['backend-response', oneLine(`${failure.name}: ${failure.message}`)];
}

function whereLooked(profile: string | undefined): string {
  const instance = process.env.AWS_EC2_METADATA_DISABLED === 'true' ? 'disabled here' : 'if this is one';
  return profile === undefined
    ? `(in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, ~/.aws/credentials and ~/.aws/config, AWS_WEB_IDENTITY_TOKEN_FILE, the container's, and the EC2 instance's, ${instance})`
    : `(in the profile '${profile}' of ~/.aws/credentials and ~/.aws/config)`;
}

/** Did the answer not say what was wrong? The SDK makes up names then. */
function isNameless({ name }: S3Failure): boolean {
  return ['Unknown', 'UnknownError', 'NotFound', 'Error'].includes(name);
}

/** What others wrote, for a line of an error: no line breaks, no control characters, not endless. */
function oneLine(text: string): string {
  const line = text.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim();
  return line.length > 300 ? `${line.slice(0, 300)}…` : line;
}
