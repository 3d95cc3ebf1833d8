/** zstd frames made block by block: headers that hold together, and blocks of all kinds with bytes that seldom do. */
export function makeZstd(random) {
  const parts = [];
  for (let frames = 1 + random.skewed(3); frames > 0; frames--) {
    if (random.oneIn(6)) parts.push(skippable(random));
    else parts.push(frame(random));
  }
  return Uint8Array.from(Buffer.concat(parts));
}

function skippable(random) {
  const body = random.bytes(random.skewed(40));
  const head = Buffer.alloc(8);
  head.writeUInt32LE(0x184d2a50 + random.below(16));
  head.writeUInt32LE(body.length + (random.oneIn(20) ? random.pick([1, 2 ** 31]) : 0), 4);
  return Buffer.concat([head, body]);
}

function frame(random) {
  const parts = [Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, random.oneIn(8) ? random.below(256) : random.below(80)])];
  for (let left = 1 + random.skewed(4); left > 0; left--) {
    const kind = random.oneIn(40) ? 3 : random.below(3);
    const body = kind === 2 ? compressedBlock(random) : random.bytes(kind === 1 ? 1 : random.skewed(300));
    const size = kind === 1 ? random.skewed(0x20000) : body.length;
    const bits = (size << 3) | (kind << 1) | (left === 1 ? 1 : 0);
    parts.push(Buffer.from([bits & 255, (bits >> 8) & 255, (bits >> 16) & 255]), body);
  }
  return Buffer.concat(parts);
}

/** Raw or repeated literals, and sequences by the predefined tables, by one symbol, or by a table of random bytes. */
function compressedBlock(random) {
  if (random.oneIn(4)) return Buffer.from(random.bytes(1 + random.skewed(100)));
  const literals = random.bytes(random.below(31));
  const isRepeated = random.oneIn(3);
  const head = Buffer.from([(literals.length << 3) | (isRepeated ? 1 : 0)]);
  const body = isRepeated ? random.bytes(1) : literals;
  const count = random.skewed(20);
  if (count === 0) return Buffer.concat([head, body, Buffer.from([0])]);
  const mode = () => random.pick([0, 0, 1, 1, 2, 3]);
  const modes = [mode(), mode(), mode()];
  const tables = modes.map((each) =>
    each === 1
      ? Buffer.from([random.below(36)])
      : each === 2
        ? Buffer.from(random.bytes(1 + random.below(20)))
        : Buffer.alloc(0),
  );
  const bits = random.bytes(1 + random.below(40));
  if (!random.oneIn(10)) bits[bits.length - 1] |= 1;
  return Buffer.concat([
    head,
    body,
    Buffer.from([count, (modes[0] << 6) | (modes[1] << 4) | (modes[2] << 2)]),
    ...tables,
    bits,
  ]);
}
