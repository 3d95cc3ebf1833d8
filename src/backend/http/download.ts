/**
 * The body of an answer: as long as it should be, and taken up again where it broke off.
 *
 * @module
 */
import { BackendError, type ByteRange } from '../backend.ts';
import { type RetrySettings, retryDelayMs, waitBeforeRetry } from '../retry.ts';
import type { HttpAnswer } from './exchange.ts';
import { type Representation, readRepresentation, validatorOf } from './representation.ts';

/** A download under way. */
export interface Download {
  readonly uri: string;
  readonly key: string;
  /** What was asked for, if not the whole. */
  readonly range: ByteRange | undefined;
  readonly answer: HttpAnswer;
  readonly representation: Representation;
  readonly retry: RetrySettings;
  readonly signal: AbortSignal | undefined;
  /** Ask again, for the whole or for a part; for the whole where `ifRange` no longer holds. */
  request(range: ByteRange | undefined, ifRange?: string): Promise<HttpAnswer>;
}

/** After so much progress, what failed before is forgotten: a long download may break more often than a short one. */
const progressThatCounts = 1024 * 1024;

/**
 * The bytes of a download.
 *
 * What breaks off is asked for again from there, by a range, where the object is still the same (by ETag, else by date, and by
 * size), as often as the settings say; and from the start, where no byte was read yet. Where the server gives all of it
 * again, what came before is passed over. A body that is never read is let go of when it is collected; `return` lets go at once.
 */
export function readDownload(download: Download): AsyncIterable<Uint8Array> {
  const { answer } = download;
  const chunks = cutToRange(download, resuming(download));
  let begun = false;
  const body: AsyncIterableIterator<Uint8Array> = {
    next() {
      if (!begun) unread.unregister(body);
      begun = true;
      return chunks.next();
    },
    async return() {
      // A generator that has not begun does not run its `finally`.
      if (!begun) answer.leave();
      await chunks.return(undefined);
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => body,
  };
  unread.register(body, answer, body);
  return body;
}

const unread = new FinalizationRegistry<HttpAnswer>((answer) => answer.leave());

async function* resuming(download: Download): AsyncGenerator<Uint8Array> {
  const { representation, retry, signal } = download;
  let { answer } = download;
  let received = 0;
  let skip = 0;
  let counted = 0;
  let failures = 0;
  for (;;) {
    try {
      if (failures > 0) ({ answer, skip } = await resume(download, received));
      for (let next = await answer.next(); next !== undefined; next = await answer.next()) {
        const chunk = next.subarray(skip);
        skip -= next.length - chunk.length;
        if (chunk.length === 0) continue;
        received += chunk.length;
        if (received > (representation.bodySize ?? received)) throw lengthError(download, received);
        yield chunk;
      }
      if (received < (representation.bodySize ?? received)) throw lengthError(download, received);
      return;
    } catch (error) {
      answer.leave();
      if (received - counted >= progressThatCounts) failures = 0;
      counted = received;
      failures++;
      const canResume = received === 0 || representation.resumable;
      const delayMs = canResume ? retryDelayMs(error, failures, retry) : undefined;
      if (delayMs === undefined) throw error;
      await waitBeforeRetry(delayMs, { signal });
    } finally {
      answer.leave();
    }
  }
}

/** Ask for what is left. @throws BackendError when what is there now is not what was there before. */
async function resume(download: Download, received: number): Promise<{ answer: HttpAnswer; skip: number }> {
  const { uri, key, range, representation: before, request } = download;
  const rest = received === 0 ? range : restOf(before, received);
  const answer = await request(rest, received === 0 ? undefined : validatorOf(before));
  const now = readRepresentation(answer.status, answer.headers, rest);
  if (now !== undefined && isSame(before, now)) {
    if (received === 0 || answer.status === 206) return { answer, skip: 0 };
    if (range === undefined && validatorOf(now) !== undefined) return { answer, skip: received };
  }
  answer.leave();
  throw new BackendError(
    'backend-response',
    `GET ${answer.url}: broke off after ${received} bytes, and what is there now is not the rest of it`,
    { uri, key, status: answer.status },
  );
}

function restOf({ start, bodySize }: Representation, received: number): ByteRange {
  return { offset: start + received, length: bodySize === undefined ? undefined : bodySize - received };
}

function isSame(before: Representation, now: Representation): boolean {
  // A part need not say again of when it is, where the whole said it.
  const isOfSameTime = now.lastModified === undefined || now.lastModified === before.lastModified;
  const isOfSameForm = before.size === now.size && before.contentEncoding === now.contentEncoding;
  return isOfSameForm && before.etag === now.etag && isOfSameTime;
}

/** Leave out what was not asked for: a server need not have ranges, and may give more than the range. */
function cutToRange(
  { range, representation }: Download,
  chunks: AsyncGenerator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  if (range === undefined) return chunks;
  const { start, bodySize } = representation;
  const { offset, length = Number.POSITIVE_INFINITY } = range;
  const fits =
    start === offset && (length === Number.POSITIVE_INFINITY || (bodySize ?? Number.POSITIVE_INFINITY) <= length);
  return fits ? chunks : cut(chunks, offset - start, length);
}

async function* cut(chunks: AsyncIterable<Uint8Array>, skip: number, take: number): AsyncGenerator<Uint8Array> {
  let toSkip = skip;
  let toTake = take;
  for await (const chunk of chunks) {
    const part = chunk.subarray(toSkip, Math.min(chunk.length, toSkip + toTake));
    toSkip = Math.max(0, toSkip - chunk.length);
    toTake -= part.length;
    if (part.length > 0) yield part;
    if (toTake === 0) return;
  }
}

function lengthError({ uri, key, answer, representation }: Download, received: number): BackendError {
  const { bodySize } = representation;
  const reason = `has ${received} bytes ${received < bodySize! ? 'only' : 'already'}, where the server promised ${bodySize}`;
  return new BackendError('backend-response', `GET ${answer.url}: the body ${reason}`, {
    uri,
    key,
    retryable: received < bodySize!,
  });
}
