/** Parses a narinfo with ten references and a signature so many times. */
import { encodeNix32 } from 'narkit/hash';
import { parseNarInfo } from 'narkit/narinfo';

const digest = (seed, length) => encodeNix32(Uint8Array.from({ length }, (_, index) => seed * 31 + index * 7));
const references = Array.from({ length: 10 }, (_, index) => `${digest(index, 20)}-reference-1.${index}`);
const text = `StorePath: /nix/store/${digest(11, 20)}-hello-2.12.1
URL: nar/${digest(12, 32)}.nar.zst
Compression: zstd
FileHash: sha256:${digest(12, 32)}
FileSize: 41232
NarHash: sha256:${digest(13, 32)}
NarSize: 226560
References: ${references.join(' ')}
Deriver: ${digest(14, 20)}-hello-2.12.1.drv
Sig: cache.example.org-1:${Buffer.alloc(64, 5).toString('base64')}
`;
const bytes = Buffer.from(text);

let found = 0;
for (let times = Number(process.argv[2]); times > 0; times--) found += parseNarInfo(bytes).references.length;
console.log(found);
