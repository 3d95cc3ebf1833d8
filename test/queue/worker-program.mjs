/** A worker as a process of its own: `node worker-program.mjs CONFIG [once]`. Events go to standard output, a line of JSON each. */

import { readFileSync } from 'node:fs';
import { keepHeapSmall } from '../../dist/cli/small-heap.js';
import { parseNarkitConfig } from '../../dist/config/index.js';
import { acquireLock, openSpool, runWorker } from '../../dist/queue/index.js';

keepHeapSmall();
const [file, once] = process.argv.slice(2);
const config = parseNarkitConfig(readFileSync(file, 'utf8'), file);
const spool = await openSpool(config.queue.directory, { gcRootsDirectory: config.queue.gcRoots });
const lock = await acquireLock(spool.directory);
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const result = await runWorker({
  config,
  spool,
  signal: stop.signal,
  once: once === 'once',
  onEvent: ({ error, ...event }) => print({ ...event, error: error?.message }),
});
await lock.release();
print({ type: 'result', ...result, maximumKilobytes: process.resourceUsage().maxRSS });
