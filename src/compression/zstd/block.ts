/**
 * A compressed block of zstd: literals, then sequences.
 *
 * @see RFC 8878, section 3.1.1.3
 * @module
 */
import { Damage } from '../damage.ts';
import type { History } from './history.ts';
import { decodeHuffmanStream, type HuffmanTable, readHuffmanTable } from './huffman.ts';
import { decodeSequences, newSequenceState, type SequenceState } from './sequences.ts';
import { maximumBlockSize } from './zstd-frames.ts';

/** Bits are loaded 32 at a time, also around the ends of a block, and before its start when it is damaged. */
const padding = 16;

/** Decodes the compressed blocks of frames. */
export class BlockDecoder {
  readonly #block = new Uint8Array(maximumBlockSize + 2 * padding);
  readonly #view = new DataView(this.#block.buffer);
  readonly #literals = new Uint8Array(maximumBlockSize);
  #huffman: HuffmanTable | undefined;
  #sequences: SequenceState = newSequenceState();

  /** Begin a frame. */
  reset(): void {
    this.#huffman = undefined;
    this.#sequences = newSequenceState();
  }

  /**
   * Decode a block into `history`, which has room for it.
   *
   * @throws Damage when it is damaged.
   */
  decode(body: Uint8Array, history: History): void {
    const end = padding + body.length;
    this.#block.set(body, padding);
    this.#block.fill(0, end, end + padding);
    const literals = this.#readLiterals(padding, end);
    decodeSequences(this.#view, literals.end, end, literals.bytes, this.#sequences, history);
  }

  #readLiterals(start: number, end: number): { bytes: Uint8Array; end: number } {
    if (start === end) throw new Damage('a block is empty');
    const view = this.#view;
    const bits = view.getUint32(start, true);
    const type = bits & 3;
    const format = (bits >> 2) & 3;
    if (type < 2) {
      const headerSize = [1, 2, 1, 3][format]!;
      const size = format === 1 ? (bits >>> 4) & 0xfff : format === 3 ? (bits >>> 4) & 0xfffff : (bits >>> 3) & 0x1f;
      const bodyStart = start + headerSize;
      const bodyEnd = bodyStart + (type === 0 ? size : 1);
      if (size > maximumBlockSize || bodyEnd > end) throw new Damage('literals are cut short, or too many');
      if (type === 0) return { bytes: this.#block.subarray(bodyStart, bodyEnd), end: bodyEnd };
      return { bytes: this.#literals.subarray(0, size).fill(view.getUint8(bodyStart)), end: bodyEnd };
    }

    const headerSize = [3, 3, 4, 5][format]!;
    const sizeBits = [10, 10, 14, 18][format]!;
    const sizes = view.getBigUint64(start, true) >> 4n;
    const size = Number(BigInt.asUintN(sizeBits, sizes));
    const bodyStart = start + headerSize;
    const bodyEnd = bodyStart + Number(BigInt.asUintN(sizeBits, sizes >> BigInt(sizeBits)));
    if (size > maximumBlockSize || bodyEnd > end) throw new Damage('literals are cut short, or too many');

    let streamsStart = bodyStart;
    if (type === 2) {
      const { table, end: tableEnd } = readHuffmanTable(view, bodyStart, bodyEnd);
      this.#huffman = table;
      streamsStart = tableEnd;
    }
    if (this.#huffman === undefined) throw new Damage('a Huffman code is missing');
    const bytes = this.#literals.subarray(0, size);
    if (format === 0) decodeHuffmanStream(this.#huffman, view, streamsStart, bodyEnd, bytes, 0, size);
    else this.#readFourStreams(this.#huffman, streamsStart, bodyEnd, bytes);
    return { bytes, end: bodyEnd };
  }

  #readFourStreams(huffman: HuffmanTable, start: number, end: number, output: Uint8Array): void {
    if (end - start < 6) throw new Damage('literals are cut short');
    const part = (output.length + 3) >> 2;
    let streamStart = start + 6;
    for (let stream = 0; stream < 4; stream++) {
      const streamEnd = stream === 3 ? end : streamStart + this.#view.getUint16(start + 2 * stream, true);
      const outputStart = Math.min(part * stream, output.length);
      const outputEnd = stream === 3 ? output.length : Math.min(outputStart + part, output.length);
      if (streamEnd > end) throw new Damage('literals are cut short');
      decodeHuffmanStream(huffman, this.#view, streamStart, streamEnd, output, outputStart, outputEnd);
      streamStart = streamEnd;
    }
  }
}
