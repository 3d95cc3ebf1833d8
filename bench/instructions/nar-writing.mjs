/** Writes the NAR of a directory of 64 files of 16 KiB so many times. */
import { writeNar } from 'narkit/nar';

const contents = new Uint8Array(16 * 1024);
const entries = Array.from({ length: 64 }, (_, index) => [`file-${index}`, { type: 'regular', contents }]);

let bytes = 0;
for (let times = Number(process.argv[2]); times > 0; times--)
  for await (const chunk of writeNar({ type: 'directory', entries })) bytes += chunk.length;
console.log(bytes);
