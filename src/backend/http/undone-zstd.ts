/**
 * Finding out whether `fetch` undid zstd: newer ones do, older ones do not, and neither says so.
 *
 * @module
 */
import type { HttpAnswer } from './exchange.ts';
import type { Representation } from './representation.ts';

/** A zstd frame begins with the first, a skippable one ends its magic number with the second. */
const frameMagic = [0x28, 0xb5, 0x2f, 0xfd];
const skippableMagicEnd = [0x2a, 0x4d, 0x18];

/** Look at the first bytes, and correct what the headers say where they are no longer zstd. */
export async function lookForZstd(
  answer: HttpAnswer,
  representation: Representation,
): Promise<{ readonly answer: HttpAnswer; readonly representation: Representation }> {
  if (representation.contentEncoding !== 'zstd') return { answer, representation };
  let first = await answer.next();
  const isZstd =
    first !== undefined &&
    (frameMagic.every((byte, index) => first?.[index] === byte) ||
      skippableMagicEnd.every((byte, index) => first?.[index + 1] === byte));
  return {
    answer: {
      ...answer,
      async next() {
        const chunk = first ?? (await answer.next());
        first = undefined;
        return chunk;
      },
    },
    representation: isZstd
      ? representation
      : { ...representation, contentEncoding: undefined, size: undefined, bodySize: undefined },
  };
}
