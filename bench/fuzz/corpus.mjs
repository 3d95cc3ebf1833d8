/** What mutations begin with: valid input of every kind, and what was found before (`fixtures/fuzz/<target>/`). */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { makeNar } from './nar-grammar.mjs';
import { Random } from './random.mjs';

const fixtures = new URL('../../fixtures/', import.meta.url);
const utf8 = (text) => new TextEncoder().encode(text);

const narInfo = `StorePath: /nix/store/n5wkd9frr45pa74if5gpz9j7mifg27fh-foo
URL: nar/1w1fff338fvdw53sqgamddn1b2xgds473pv6y13gizdbqjv4i5p3.nar.xz
Compression: xz
FileHash: sha256:1w1fff338fvdw53sqgamddn1b2xgds473pv6y13gizdbqjv4i5p3
FileSize: 114980
NarHash: sha256:0lxjvvpr59c2mdram7ympy5ay741f180kv3349hvfc3f8nrmbqf6
NarSize: 464152
References: 7gx4kiv5m0i7d7qkixq2cwzbr10lvxwc-glibc-2.27 n5wkd9frr45pa74if5gpz9j7mifg27fh-foo
Deriver: 10dx1q4ivjb115y3h90mipaaz533nr0d-net-tools-1.60_p20170221182432.drv
Sig: cache.nixos.org-1:sn5s/RrqEI+YG6/PjwdbPjcAC7rcta7sJU4mFOawGvJBLsWkyLtBrT2EuFt/LJjWkTZ+ZWOI9NTtjo/woMdvAg==
CA: fixed:r:sha256:1w1fff338fvdw53sqgamddn1b2xgds473pv6y13gizdbqjv4i5p3
`;

const listing =
  '{"root":{"entries":{"bin":{"entries":{"a":{"executable":true,"narOffset":400,"size":5,"type":"regular"},' +
  '"b":{"target":"../x","type":"symlink"}},"type":"directory"},"ä":{"size":0,"type":"regular"}},"type":"directory"},"version":1}';

/** Lines and values that narinfo fields may have, or almost. */
export const textValues = [
  '', ' ', '0', '-1', '+1', '1e3', '9007199254740993', '18446744073709551616', 'x'.repeat(300), '\0', '\xff\xfe',
  'none', 'xz', 'zstd', 'unknown-deriver', '../../etc/passwd', 'file:///etc/passwd', 'sha256:', 'sha1:', 'md5:0', 'sha256-', 'sha512:zz',
  'sha256:1w1fff338fvdw53sqgamddn1b2xgds473pv6y13gizdbqjv4i5p3', 'StorePath', 'URL', 'References', 'Sig', 'CA', 'NarSize',
  '/nix/store/n5wkd9frr45pa74if5gpz9j7mifg27fh-foo', '/nix/store/../store', 'n5wkd9frr45pa74if5gpz9j7mifg27fh-', 'key:AAAA', ':',
  'text:sha256:1w1fff338fvdw53sqgamddn1b2xgds473pv6y13gizdbqjv4i5p3', 'fixed:git:sha1:0', 'StoreDir', 'Priority', 'WantMassQuery', '40',
]; // biome-ignore format: a list of odd values

/** For each target its seeds. */
export async function readCorpus({ compression: { findCodec }, targets }) {
  const random = new Random(1);
  const nars = Array.from({ length: 12 }, () => makeNar(random, 1e9));
  const contents = [
    utf8('narkit '.repeat(300)),
    new Uint8Array(70_000),
    random.bytes(5000),
    utf8(Array.from({ length: 3000 }, (_, index) => `${(index * 7919) % 1009} `).join('')),
    new Uint8Array(),
    ...nars.slice(0, 3),
  ];
  const corpus = { nar: nars, restore: nars, listing: [utf8(listing)], narinfo: [utf8(narInfo)] };
  corpus['nix-cache-info'] = [utf8('StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 40\n')];
  const derivations = new URL('derivations/', fixtures);
  corpus.derivation = readdirSync(derivations).map((name) => new Uint8Array(readFileSync(new URL(name, derivations))));
  corpus.wire = [random.bytes(200), ...nars.slice(0, 4)];
  for (const [name, levels] of [['gzip', [1, 9]], ['br', [1, 9]], ['zstd', [1, 19]], ['xz', [0, 6]], ['none', [0]]]) // biome-ignore format: a table
    for (const level of levels)
      for (const content of contents)
        corpus[name] = [...(corpus[name] ?? []), await collect(findCodec(name).compress(once(content), { level }))];
  for (const { name, of = name } of targets) {
    const folder = new URL(`fuzz/${of}/`, fixtures);
    const files = existsSync(folder) ? readdirSync(folder).sort() : [];
    const read = files.map((file) => new Uint8Array(readFileSync(new URL(file, folder))));
    corpus[name] = [...(corpus[of] ?? []).filter((seed) => !read.includes(seed)), ...read];
  }
  return corpus;
}

async function* once(bytes) {
  if (bytes.length > 0) yield bytes.slice();
}

/** All chunks as one array. */
export async function collect(chunks) {
  const all = [];
  for await (const chunk of chunks) all.push(chunk);
  return new Uint8Array(Buffer.concat(all));
}
