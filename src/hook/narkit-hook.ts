#!/usr/bin/env node
/**
 * The program `narkit-hook`, named as `post-build-hook` in nix.conf.
 *
 * @module
 */
import { runHook } from './run-hook.ts';

const interruption = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const)
  process.once(name, () => interruption.abort(new Error(`interrupted by ${name}`)));

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
process.exitCode = await runHook({
  env: process.env,
  printLine: (line) => process.stderr.write(`${line}\n`),
  signal: interruption.signal,
});
