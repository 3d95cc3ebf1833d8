/**
 * What the headers of an answer say of its body.
 *
 * @module
 */
import type { ByteRange } from '../backend.ts';

/** What the headers of a GET, or of a HEAD, say. */
export interface Representation {
  /** Bytes of the whole object. */
  readonly size: number | undefined;
  /** Where the body begins in the object. */
  readonly start: number;
  /** Bytes of the body, as it is read. */
  readonly bodySize: number | undefined;
  /** The encoding that the body still has. */
  readonly contentEncoding: string | undefined;
  /** Identifies these very bytes. */
  readonly etag: string | undefined;
  /** `Last-Modified`, which identifies them to the second. */
  readonly lastModified: string | undefined;
  /** Can the body be had again from its middle? */
  readonly resumable: boolean;
}

/** Encodings that every `fetch` undoes, without saying so. */
const undoneByFetch: ReadonlySet<string> = new Set(['gzip', 'x-gzip', 'deflate', 'br']);

/**
 * Read the headers of an answer; `undefined` when they say that the body is not what was asked for.
 *
 * @param range what was asked for, if not the whole.
 */
export function readRepresentation(
  status: number,
  headers: Headers,
  range: ByteRange | undefined,
): Representation | undefined {
  const coding = readContentCoding(headers);
  const etag = headers.get('etag');
  const length = readNumber(headers.get('content-length'));
  const common = {
    contentEncoding: coding.rest,
    // A weak one is the same for bytes that differ.
    etag: etag === null || etag.startsWith('W/') ? undefined : etag,
    lastModified: headers.get('last-modified') ?? undefined,
  };
  if (status === 206) {
    const part = readContentRange(headers.get('content-range'));
    if (range === undefined || part === undefined || part.start !== range.offset || coding.any) return undefined;
    return { ...common, ...part, resumable: part.size !== undefined || validatorOf(common) !== undefined };
  }
  const size = coding.undone ? undefined : length;
  return {
    ...common,
    size,
    start: 0,
    bodySize: size,
    resumable:
      !coding.any &&
      (validatorOf(common) !== undefined || (headers.get('accept-ranges') === 'bytes' && size !== undefined)),
  };
}

/** What `If-Range` asks for: the rest of these bytes, else all of what is there now (RFC 9110, 13.1.5). */
export function validatorOf({ etag, lastModified }: Pick<Representation, 'etag' | 'lastModified'>): string | undefined {
  return etag ?? lastModified;
}

/** The size of the object, as an answer 416 has it (RFC 9110, 15.5.17). */
export function readUnsatisfiedRange(headers: Headers): number | undefined {
  return readNumber(/^bytes \*\/(\d+)$/.exec(headers.get('content-range') ?? '')?.[1] ?? null);
}

interface ContentCoding {
  readonly any: boolean;
  /** Undone by `fetch`: lengths in the headers are not those of the body. */
  readonly undone: boolean;
  /** Left to the reader. */
  readonly rest: string | undefined;
}

function readContentCoding(headers: Headers): ContentCoding {
  const text = (headers.get('content-encoding') ?? '').trim().toLowerCase();
  if (text === '' || text === 'identity') return { any: false, undone: false, rest: undefined };
  const undone = text.split(/\s*,\s*/).every((name) => undoneByFetch.has(name));
  return { any: true, undone, rest: undone ? undefined : text };
}

function readContentRange(
  text: string | null,
): { readonly start: number; readonly bodySize: number; readonly size: number | undefined } | undefined {
  const match = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(text ?? '');
  if (match === null) return undefined;
  const start = readNumber(match[1]!);
  const last = readNumber(match[2]!);
  const size = readNumber(match[3]!);
  if (start === undefined || last === undefined || last < start || (size !== undefined && last >= size))
    return undefined;
  return { start, bodySize: last - start + 1, size };
}

function readNumber(text: string | null): number | undefined {
  const number = text !== null && /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(number) ? number : undefined;
}
