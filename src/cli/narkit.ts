#!/usr/bin/env node
/**
 * The program `narkit`.
 *
 * @module
 */
import type { Context } from './context.ts';
import { exitCode } from './context.ts';
import { main } from './main.ts';

const interruption = new AbortController();
let interruptions = 0;

for (const name of ['SIGINT', 'SIGTERM'] as const)
  process.on(name, () => {
    // The first lets what is under way be put away; who asks twice wants out at once.
    if (++interruptions > 1) process.exit(exitCode.interrupted);
    interruption.abort(new Error(`interrupted by ${name}`));
  });

// Whoever writes data learns of it from the write (`writeOut`); words to a person who left are lost.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
const context: Context = {
  // Opened by those who read it: few do.
  get stdin() {
    return process.stdin;
  },
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  signal: interruption.signal,
  exitCode: exitCode.success,
};
void main(process.argv.slice(2), context).then((code) => {
  process.exitCode = code;
});
