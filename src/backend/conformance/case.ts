/**
 * What a conformance case is, and what its checks throw.
 *
 * @module
 */
import { concatBytes, equalBytes } from '../../bytes/bytes.ts';
import type { Backend, BackendObject, ByteRange } from '../backend.ts';

/** What the cases run on. */
export interface ConformanceContext {
  /** The backend under test. It may hold other objects and serve other cases at the same time. */
  readonly backend: Backend;
  /** Bytes of the objects that must be streamed; 8 MiB when absent. */
  readonly largeSize?: number | undefined;
}

/** One rule that every backend keeps. */
export interface ConformanceCase {
  readonly name: string;
  /** Rejects when the backend breaks the rule, and when it fails. Takes away what it put. */
  run(context: ConformanceContext): Promise<void>;
}

/** What a case throws when the backend breaks its rule. */
export class ConformanceError extends Error {
  override readonly name: string = 'ConformanceError';
}

/** What a case works with. */
export interface Workbench {
  readonly backend: Backend;
  readonly largeSize: number;
  /** A prefix that only this case uses; ends in `/`. */
  readonly prefix: string;
  /** A key under the prefix; what lies there is deleted when the case ends. */
  key(name: string): string;
}

let casesRun = 0;

/** Make a case of a rule's name and its check. */
export function defineCase(name: string, check: (bench: Workbench) => Promise<void>): ConformanceCase {
  return {
    name,
    async run({ backend, largeSize = 8 * 1024 * 1024 }) {
      const prefix = `conformance-${Date.now().toString(36)}-${(casesRun++).toString(36)}-${Math.random().toString(36).slice(2)}/`;
      const keys = new Set<string>();
      const key = (keyName: string): string => {
        keys.add(prefix + keyName);
        return prefix + keyName;
      };
      try {
        await check({ backend, largeSize, prefix, key });
      } finally {
        await Promise.allSettled([...keys].map((used) => backend.delete(used)));
      }
    },
  };
}

/** @throws ConformanceError with `message` unless `condition` holds. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new ConformanceError(message);
}

/** @throws ConformanceError unless both are the same value. */
export function assertSame(actual: unknown, expected: unknown, what: string): void {
  assert(Object.is(actual, expected), `${what} is ${show(actual)}, not ${show(expected)}`);
}

/** @throws ConformanceError unless both have the same bytes. */
export function assertBytes(actual: Uint8Array, expected: Uint8Array, what: string): void {
  assert(
    equalBytes(actual, expected),
    `${what} is not what it should be: ${actual.length} bytes ${show(actual)}, not ${expected.length} bytes ${show(expected)}`,
  );
}

/** What the call rejects with or throws. @throws ConformanceError when it does not. */
export async function failureOf(call: () => Promise<unknown>, what: string): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error;
  }
  throw new ConformanceError(`${what} went through, and should have failed`);
}

/** The object, which must be there. */
export async function mustGet(backend: Backend, key: string, range?: ByteRange): Promise<BackendObject> {
  const object = await backend.get(key, { range });
  assert(object !== undefined, `get('${key}') is undefined, and the object is there`);
  return object;
}

/** All bytes of a stream. */
export async function readAll(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return concatBytes(chunks);
}

/** All bytes of the object, which must be there. */
export async function bytesAt(backend: Backend, key: string, range?: ByteRange): Promise<Uint8Array> {
  return readAll((await mustGet(backend, key, range)).body);
}

/** @throws ConformanceError when anything says that the key is there. */
export async function assertAbsent({ backend, prefix }: Workbench, key: string, when: string): Promise<void> {
  assertSame(await backend.get(key), undefined, `get('${key}') ${when}`);
  assertSame(await backend.head(key), undefined, `head('${key}') ${when}`);
  for (const listed of await keysListed(backend, prefix)) assert(listed !== key, `list shows '${key}' ${when}`);
}

/** The keys that begin with `prefix`; none for a backend that does not list. */
export async function keysListed(backend: Backend, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const entry of backend.list?.(prefix) ?? []) keys.push(entry.key);
  return keys;
}

function show(value: unknown): string {
  if (value instanceof Uint8Array) return `[${value.subarray(0, 16).join(' ')}${value.length > 16 ? ' …' : ''}]`;
  if (typeof value === 'string') return `'${value}'`;
  return value instanceof Error ? `${value.name} (${value.message})` : String(value);
}
