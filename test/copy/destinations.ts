/**
 * Real places to copy to, and what lies there afterwards.
 *
 * @module
 */
import { mkdir, readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { expect } from 'vitest';
import type { Nginx } from '../peers/nginx.ts';
import type { S3Server } from '../peers/s3-server.ts';
import { listKeys, listOpenUploads } from './bucket-contents.ts';

export interface Destination {
  readonly uri: string;
  readonly env: Readonly<Record<string, string>>;
  /** All keys, in order; nothing but whole objects of a cache may be there. */
  keys(): Promise<string[]>;
}

export function fileDestination(directory: string, parameters = ''): Destination {
  return { uri: `file://${directory}?${parameters}`, env: {}, keys: () => filesUnder(directory).then(expectObjects) };
}

/** A folder of the server; `endpoint` is where it is reached. */
export async function httpDestination(nginx: Nginx, folder: string, endpoint = nginx.url): Promise<Destination> {
  const directory = join(nginx.root, folder);
  await mkdir(directory);
  return {
    uri: `${endpoint}/${folder}?compression=none`,
    env: {},
    keys: () => filesUnder(directory).then(expectObjects),
  };
}

/** A bucket of its own; `endpoint` is where the server is reached. */
export async function s3Destination(server: S3Server, endpoint = server.endpoint): Promise<Destination> {
  const bucket = await server.createBucket();
  return {
    uri: server.uri(bucket, { endpoint, compression: 'none' }),
    env: server.env,
    async keys() {
      expect(await listOpenUploads(server, bucket)).toEqual([]);
      return expectObjects(await listKeys(server, bucket));
    },
  };
}

/** Every file, hidden ones too. */
export async function filesUnder(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .sort();
}

function expectObjects(keys: string[]): string[] {
  for (const key of keys) expect(key).toMatch(/^(nix-cache-info|\w{32}\.narinfo|nar\/\w{52}\.nar(\.\w+)?)$/);
  return keys;
}
