/**
 * Puts a closure of small paths into a store, and prints the path that refers, over others, to all of them.
 *
 *   node bench/growth/make-closure.mjs COUNT STORE-URI
 */
import { copy } from 'narkit/copy';
import { encodeNix32, hashBytes } from 'narkit/hash';
import { writeNar } from 'narkit/nar';
import { openWritableStore } from 'narkit/store';

/** So many references each path has; of all they make a tree. */
const referencesEach = 8;

const [count, uri] = [Number(process.argv[2]), process.argv[3]];
const names = Array.from({ length: count }, (_, index) => `path-${index}`);
const paths = names.map((name) => `${encodeNix32(hashBytes('sha1', Buffer.from(name)).digest)}-${name}`);
const entries = new Map();
for (const [index, path] of paths.entries()) {
  const nar = await collect(writeNar({ type: 'regular', contents: Buffer.from(`contents of ${names[index]}\n`) }));
  const references = paths.slice(index * referencesEach + 1, (index + 1) * referencesEach + 1).sort();
  const info = { path, narHash: hashBytes('sha256', nar), narSize: nar.length, references, signatures: [] };
  entries.set(path, { info, nar });
}

const from = {
  uri: 'made',
  storeDir: '/nix/store',
  queryPathInfos: async (wanted) => new Map([...wanted].map((path) => [path, entries.get(path).info])),
  async *narFromPath(path) {
    yield entries.get(path).nar;
  },
};
const { failed } = await copy(from, await openWritableStore(uri), [paths[0]]);
if (failed > 0) throw new Error(`${failed} of ${count} paths were not copied`);
console.log(`/nix/store/${paths[0]}`);

async function collect(chunks) {
  const collected = [];
  for await (const chunk of chunks) collected.push(chunk);
  return Buffer.concat(collected);
}
