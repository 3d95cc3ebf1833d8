/**
 * Can each destination be written, read and cleaned up?
 *
 * @module
 */
import type { Backend } from '../../backend/backend.ts';
import type { NarkitConfig } from '../../config/index.ts';
import { isNarkitError, messageOf } from '../../errors.ts';
import { openWritableStore } from '../../store/open-writable-store.ts';
import type { WritableStore } from '../../store/store.ts';
import { type CheckContext, type Finding, failed, ok, warning } from './finding.ts';

const timeoutMs = 30_000;

/** All destinations, side by side. */
export async function* checkDestinations(config: NarkitConfig, context: CheckContext): AsyncGenerator<Finding> {
  for (const findings of await Promise.all(config.to.map((uri) => checkDestination(uri, context)))) yield* findings;
}

async function checkDestination(uri: string, { env, signal }: CheckContext): Promise<Finding[]> {
  const findings: Finding[] = [];
  const timeout = AbortSignal.timeout(timeoutMs);
  const options = { env, signal: AbortSignal.any([signal, timeout]) };
  const onWarning = (message: string): void => {
    findings.push(warning('destination', `'${uri}': ${message}`));
  };
  let store: WritableStore | undefined;
  try {
    store = await openWritableStore(uri, { ...options, onWarning });
    if ('backend' in store) await probe(store.backend as Backend, options.signal);
    const done = 'backend' in store ? 'takes a probe, gives it back and removes it' : 'answers';
    findings.push(ok('destination', `'${store.uri}' ${done}`));
  } catch (error) {
    signal.throwIfAborted();
    const message = timeout.aborted ? `no answer within ${timeoutMs / 1000} s` : messageOf(error);
    findings.push(failed('destination', message.includes(uri) ? message : `'${uri}': ${message}`, advise(error)));
  } finally {
    await store?.close().catch(() => {});
  }
  return findings;
}

async function probe(backend: Backend, signal: AbortSignal): Promise<void> {
  const key = `narkit-doctor-${crypto.randomUUID()}`;
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  await backend.put(key, bytes, { signal, contentType: 'application/octet-stream' });
  try {
    const object = await backend.get(key, { signal });
    if (object === undefined) throw new Error(`'${key}' was written and is not there`);
    const read: Uint8Array[] = [];
    for await (const chunk of object.body) read.push(chunk);
    if (!Buffer.concat(read).equals(bytes)) throw new Error(`'${key}' has other bytes than were written`);
  } finally {
    await backend.delete(key, { signal });
  }
}

function advise(error: unknown): string {
  switch (isNarkitError(error) ? error.code : '') {
    case 'backend-denied':
      return 'check the credentials of the worker (see docs/s3.md), and that they may write, read and delete';
    case 'backend-full':
      return 'make room, or raise the quota';
    case 'backend-read-only':
      return 'let the worker write there';
    case 'backend-unreachable':
      return 'check the address, the network and the proxy between; what waits stays in the queue until it answers';
    case 'store-dir-mismatch':
      return 'use a cache of its own for this store directory';
    case 'daemon-unreachable':
      return 'start nix-daemon';
    default:
      return "correct the URI in 'to'";
  }
}
