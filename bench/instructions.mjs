/**
 * How many instructions NAR writing, narinfo parsing and nix32 take, beside what was saved in `instructions.json`; exit code 1 when one of
 * them takes more.
 *
 *   npm run bench:instructions
 *   npm run bench:instructions -- --save
 *
 * Where valgrind is installed. It is written in TypeScript, which not every Node reads: `instructions/main.ts` says the rest.
 */
import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite';

const options = { configFile: false, logLevel: 'error' };
await runnerImport(fileURLToPath(new URL('instructions/main.ts', import.meta.url)), options);
