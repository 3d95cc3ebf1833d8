/** Changes to bytes and texts, some blind, some with the grammar in mind. */
const edges = [
  0,
  1,
  2,
  7,
  8,
  9,
  31,
  32,
  33,
  127,
  128,
  255,
  256,
  4095,
  4096,
  65535,
  65536,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
];
const wideEdges = [
  ...edges.map(BigInt),
  2n ** 32n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
];

const byteChanges = [
  (random, bytes) => withByte(bytes, random, (byte) => byte ^ (1 << random.below(8))),
  (random, bytes) => withByte(bytes, random, () => random.below(256)),
  (random, bytes) => withByte(bytes, random, (byte) => byte + random.below(5) - 2),
  (random, bytes) => withByte(bytes, random, () => random.pick([0, 0x7f, 0x80, 0xff])),
  (random, bytes) => splice(bytes, random.below(bytes.length + 1), 0, random.bytes(1 + random.skewed(64))),
  (random, bytes) => splice(bytes, random.below(bytes.length), 1 + random.skewed(64), new Uint8Array()),
  (random, bytes) => bytes.subarray(0, random.below(bytes.length + 1)),
  (random, bytes) => {
    const from = random.below(bytes.length);
    const piece = bytes.subarray(from, from + 1 + random.skewed(256));
    return splice(bytes, random.below(bytes.length + 1), random.oneIn(2) ? piece.length : 0, piece);
  },
  (random, bytes) => {
    const word = new Uint8Array(8);
    new DataView(word.buffer).setBigUint64(0, random.pick(wideEdges), true);
    const at = random.below(bytes.length + 1);
    const length = random.pick([1, 2, 4, 8]);
    return splice(bytes, random.oneIn(2) ? at & ~7 : at, length, word.subarray(0, length));
  },
];

function withByte(bytes, random, change) {
  const changed = bytes.slice();
  const at = random.below(bytes.length);
  if (bytes.length > 0) changed[at] = change(bytes[at]);
  return changed;
}

function splice(bytes, start, removed, inserted) {
  const rest = bytes.subarray(Math.min(bytes.length, start + removed));
  const result = new Uint8Array(start + inserted.length + rest.length);
  result.set(bytes.subarray(0, start));
  result.set(inserted, start);
  result.set(rest, start + inserted.length);
  return result;
}

/** Some changes to bytes; `others` lend pieces of themselves. */
export function mutateBytes(random, bytes, others) {
  let changed = bytes;
  for (let count = 1 + random.skewed(8); count > 0; count--) {
    if (random.oneIn(12)) {
      const other = random.pick(others);
      const from = random.below(other.length);
      changed = splice(changed, random.below(changed.length + 1), 0, other.subarray(from, from + random.skewed(4096)));
    } else changed = random.pick(byteChanges)(random, changed);
  }
  return changed;
}

/** Lines dropped, doubled, moved, and given other values. */
export function mutateLines(random, bytes, values) {
  const lines = new TextDecoder('latin1').decode(bytes).split('\n');
  for (let count = 1 + random.skewed(5); count > 0; count--) {
    const at = random.below(lines.length);
    const colon = lines[at]?.indexOf(':') ?? -1;
    const change = random.below(6);
    if (change === 0) lines.splice(at, 1);
    else if (change === 1) lines.splice(random.below(lines.length + 1), 0, lines[at] ?? '');
    else if (change === 2)
      lines[at] = `${(lines[at] ?? '').slice(0, colon + 1)}${random.oneIn(4) ? '' : ' '}${random.pick(values)}`;
    else if (change === 3) lines[at] = `${random.pick(values)}${(lines[at] ?? '').slice(colon)}`;
    else if (change === 4) lines[at] = (lines[at] ?? '').repeat(1 + random.skewed(30));
    else lines[at] = `${lines[at]} ${random.pick(values)}`;
  }
  return Uint8Array.from(lines.join('\n'), (character) => character.charCodeAt(0));
}
