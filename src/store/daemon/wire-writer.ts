/**
 * Writing the worker protocol's types.
 *
 * Source: Nix `src/libutil/serialise.cc`.
 *
 * @module
 */
import { encodeUtf8, writeUint64 } from '../../bytes/index.ts';
import { paddingAfter } from '../../nar/grammar.ts';

/** Gathers values into bytes. */
export class WireWriter {
  #bytes = new Uint8Array(512);
  #length = 0;

  writeUint64(value: number): this {
    this.#makeRoom(8);
    writeUint64(this.#bytes, this.#length, value);
    this.#length += 8;
    return this;
  }

  writeBoolean(value: boolean): this {
    return this.writeUint64(value ? 1 : 0);
  }

  writeString(text: string): this {
    const bytes = encodeUtf8(text);
    return this.writeUint64(bytes.length).#writePadded(bytes);
  }

  writeList<T>(items: readonly T[], writeItem: (writer: this, item: T) => void): this {
    this.writeUint64(items.length);
    for (const item of items) writeItem(this, item);
    return this;
  }

  writeMap<T>(map: ReadonlyMap<string, T>, writeValue: (writer: this, value: T) => void): this {
    return this.writeList([...map], (_, [key, value]) => writeValue(this.writeString(key), value));
  }

  /** All that was written: no more may be. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** The bytes beyond `#length` are zero: the padding needs no writing. */
  #writePadded(bytes: Uint8Array): this {
    const length = bytes.length + paddingAfter(bytes.length);
    this.#makeRoom(length);
    this.#bytes.set(bytes, this.#length);
    this.#length += length;
    return this;
  }

  #makeRoom(length: number): void {
    if (this.#length + length <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length + length));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}
