/**
 * Peak memory of `narkit copy`, of large paths and of large closures, and how long it kept the event loop: a table, and exit code 1 when
 * the memory is above the limit, or grows with the size of a path.
 *
 *   npm run bench:memory                  # 1 and 8 GiB, 1,000 and 50,000 paths
 *   npm run bench:memory -- 3             # 3 GiB
 *   npm run bench:memory -- --paths 1000 --only 'to file://'
 *   npm run bench:memory -- --save        # writes the tables in docs/performance.md
 *
 * To S3 and HTTP where `NARKIT_PEERS` names a folder with the servers (`test/peers/install.sh`). `TMPDIR` must have room for four times the
 * largest path. It is written in TypeScript, which not every Node reads: `growth/memory.ts` says the rest.
 */
import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite';

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
const options = { configFile: false, logLevel: 'error' };
await runnerImport(fileURLToPath(new URL('growth/memory.ts', import.meta.url)), options);
