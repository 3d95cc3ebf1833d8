/** Turns a SHA-256 hash into nix32 and back so many times. */
import { decodeNix32, encodeNix32 } from 'narkit/hash';

const bytes = Uint8Array.from({ length: 32 }, (_, index) => index * 37);
let sum = 0;
for (let times = Number(process.argv[2]); times > 0; times--) {
  bytes[times & 31] = times;
  sum += decodeNix32(encodeNix32(bytes)).length;
}
console.log(sum);
