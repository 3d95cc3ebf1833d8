/** Numbers that look random and come again from the same seed. */
export class Random {
  #state;

  constructor(seed) {
    this.#state = seed >>> 0;
  }

  /** 32 bits (splitmix32). */
  next() {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    let mixed = this.#state ^ (this.#state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  }

  /** From 0, below `limit`. */
  below(limit) {
    return limit <= 1 ? 0 : this.next() % limit;
  }

  /** True once in `count`. */
  oneIn(count) {
    return this.below(count) === 0;
  }

  pick(items) {
    return items[this.below(items.length)];
  }

  bytes(length) {
    const bytes = new Uint8Array(length);
    for (let index = 0; index < length; index++) bytes[index] = this.next();
    return bytes;
  }

  /** Small numbers often, larger ones seldom. */
  skewed(limit) {
    return this.below(1 + this.below(1 + this.below(limit)));
  }
}
