/**
 * The AWS SDK, loaded when an S3 bucket is first asked for something, and set up as narkit needs it.
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3';
import { messageOf } from '../../errors.ts';
import { untilAborted } from '../until-aborted.ts';
import { defaultRegion, type S3Settings, settingError, usesPathStyle } from './s3-settings.ts';

/** What the SDK takes as credentials. */
type AwsCredentialIdentity = Exclude<NonNullable<S3ClientConfig['credentials']>, (...args: never[]) => unknown>;

/** The SDK's module. */
export type S3Sdk = typeof import('@aws-sdk/client-s3');

/** Keys for those who do not want the SDK to look for them. */
export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

/** What a client is made of. */
export interface S3ClientOptions extends S3Settings {
  readonly credentials?: S3Credentials | undefined;
  /** A connection on which nothing moves for so long is given up. */
  readonly stallTimeoutMs?: number | undefined;
}

/** The SDK and a client that has credentials. */
export interface S3Connection {
  readonly sdk: S3Sdk;
  readonly client: S3Client;
}

/** Nix's bounds (`src/libstore/filetransfer.cc`, `aws-creds.cc`). */
const connectTimeoutMs = 15_000;
const stallTimeoutMs = 300_000;
const credentialsTimeoutMs = 30_000;
const maximumConnections = 64;

/** A library says nothing of its own accord; what matters comes as an error. */
const silence = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };

/** Credentials were asked for, and the answer did not come in time. */
export class CredentialsTimeoutError extends Error {}

/** Connects once, at the first call; again at the next after a failure. */
export function createS3Connector(options: S3ClientOptions): {
  connect(signal: AbortSignal | undefined): Promise<S3Connection>;
  close(): Promise<void>;
} {
  let connection: Promise<S3Connection> | undefined;
  return {
    connect(signal) {
      connection ??= open(options).catch((error: unknown) => {
        connection = undefined;
        throw error;
      });
      return untilAborted(connection, signal);
    },
    async close() {
      const opened = connection;
      connection = undefined;
      (await opened?.catch(() => undefined))?.client.destroy();
    },
  };
}

async function open(options: S3ClientOptions): Promise<S3Connection> {
  const sdk = await import('@aws-sdk/client-s3');
  const { endpoint, profile, credentials, tlsCertificate, tlsPrivateKey } = options;
  const agent = { keepAlive: true, maxSockets: maximumConnections };
  const client = new sdk.S3Client({
    region: options.region ?? defaultRegion,
    forcePathStyle: usesPathStyle(options),
    ...(endpoint !== undefined && { endpoint }),
    ...(profile !== undefined && { profile }),
    ...(credentials !== undefined && { credentials: credentials as AwsCredentialIdentity }),
    requestHandler: {
      connectionTimeout: connectTimeoutMs,
      socketTimeout: options.stallTimeoutMs ?? stallTimeoutMs,
      httpAgent: agent,
      httpsAgent: {
        ...agent,
        ...(tlsCertificate !== undefined && { cert: await readPem('tls-certificate', tlsCertificate) }),
        ...(tlsPrivateKey !== undefined && { key: await readPem('tls-private-key', tlsPrivateKey) }),
      },
      logger: silence,
    },
    logger: silence,
    // Retries are narkit's own (see `retry.ts`): they follow Nix's settings and `Retry-After`, and no quota ends them early.
    maxAttempts: 1,
    // What is sent has its SHA-256 in the signature, which every S3 server checks; the checksum headers and trailers that the
    // SDK would add are unknown to many of them.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // It costs a round trip and a connection of its own for each request.
    expectContinueHeader: false,
  });
  await withinTime(client.config.credentials(), credentialsTimeoutMs);
  return { sdk, client };
}

/** Nothing is sent before there is something to sign with. */
async function withinTime(credentials: Promise<unknown>, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new CredentialsTimeoutError('the credentials did not come in time')), timeoutMs);
  });
  await Promise.race([credentials, timeout]).finally(() => clearTimeout(timer));
}

async function readPem(name: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw settingError(name, path, `the path of a PEM file that can be read: ${messageOf(error)}`);
  }
}
