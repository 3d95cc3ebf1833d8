/**
 * How the cost of a copy grows, narkit beside Nix 2.34: with the size of a path, with the number of paths, with the distance of the cache.
 *
 *   npm run bench:growth
 *   npm run bench:growth -- distance
 *   npm run bench:growth -- --save        # draws the charts in docs/performance/
 *
 * Parts: `size`, `paths`, `distance`. `TMPDIR` must have room for 10 GB. `main.ts` says the rest.
 */
import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite';

await runnerImport(fileURLToPath(new URL('growth/main.ts', import.meta.url)), { configFile: false, logLevel: 'error' });
