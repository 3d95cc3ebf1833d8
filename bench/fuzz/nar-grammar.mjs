/** NARs made token by token, with a mistake here and there. */
const text = (string) => Uint8Array.from(string, (character) => character.charCodeAt(0));
const words = [
  'nix-archive-1',
  '(',
  ')',
  'type',
  'regular',
  'directory',
  'symlink',
  'executable',
  'contents',
  'target',
  'entry',
  'name',
  'node',
  '',
].map(text);
const names = [
  'a',
  'b',
  'A',
  'B',
  'a.',
  'a/b',
  '.',
  '..',
  '',
  'x'.repeat(255),
  'x'.repeat(256),
  'n\0l',
  '\xff',
  '\xc3\xa4',
  'a\xcc\x88',
  '~nix~case~hack~1',
  'a~nix~case~hack~1',
  '-',
].map(text);
const targets = ['a', '..', '/', '../../../../etc', '', 'x'.repeat(4095), 'x'.repeat(4096), 'n\0l', '\xff'].map(text);

/** A NAR of random shape. `mistakes`: one token in so many is wrong. */
export function makeNar(random, mistakes) {
  const tokens = [];
  const put = (token) => {
    if (!random.oneIn(mistakes)) tokens.push(token);
    else if (random.oneIn(3)) tokens.push(random.pick(words));
    else if (random.oneIn(2)) tokens.push(token, token);
  };
  const word = (string) => put(text(string));
  let left = 40;

  const node = (depth) => {
    left--;
    word('(');
    word('type');
    const kind = random.below(depth > 70 || left < 0 ? 2 : 4);
    if (kind === 0) {
      word('symlink');
      word('target');
      put(random.pick(random.oneIn(4) ? targets : targets.slice(0, 2)));
    } else if (kind === 1) {
      word('regular');
      if (random.oneIn(3)) {
        word('executable');
        word('');
      }
      word('contents');
      put(random.bytes(random.skewed(random.oneIn(20) ? 100_000 : 40)));
    } else {
      word('directory');
      const chosen = Array.from({ length: random.oneIn(8) ? 0 : 1 + random.skewed(6) }, () =>
        random.pick(random.oneIn(4) ? names : names.slice(0, 5)),
      );
      const sorted = random.oneIn(4)
        ? chosen
        : [...new Map(chosen.map((name) => [String(name), name])).values()].sort(Buffer.compare);
      const deep = random.oneIn(30) ? 70 : 0;
      for (const name of sorted) {
        word('entry');
        word('(');
        word('name');
        put(name);
        word('node');
        if (deep > depth) left++;
        node(depth + 1);
        word(')');
      }
    }
    word(')');
  };

  word('nix-archive-1');
  node(0);
  return encode(random, tokens, mistakes);
}

/** Length, bytes, padding: as they should be, but for a mistake. */
function encode(random, tokens, mistakes) {
  const parts = [];
  for (const token of tokens) {
    const wrong = random.oneIn(mistakes * 4);
    const length = Buffer.alloc(8);
    const value = BigInt(token.length) + (wrong ? BigInt(random.pick([-1, 1, 8, 1000, 0x20000000000000])) : 0n);
    length.writeBigUInt64LE(BigInt.asUintN(64, value));
    parts.push(length, token, Buffer.alloc((8 - (token.length % 8)) % 8, random.oneIn(mistakes * 4) ? 1 : 0));
  }
  return Uint8Array.from(Buffer.concat(parts));
}
