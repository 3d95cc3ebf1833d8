/**
 * Ours beside others', measured in one run: a table.
 *
 *   npm run bench
 *   npm run bench -- --only 'hash path' --rounds 9 --node 24
 *
 * It is written in TypeScript, which not every Node reads: `main.ts` says the rest.
 */
import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite';

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
await runnerImport(fileURLToPath(new URL('main.ts', import.meta.url)), { configFile: false, logLevel: 'error' });
