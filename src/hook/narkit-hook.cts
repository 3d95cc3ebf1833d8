#!/usr/bin/env node
/**
 * The program `narkit-hook`, named as `post-build-hook` in nix.conf.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runHook } from './run-hook.cts';

const [argument] = process.argv.slice(2);
if (argument === undefined) void run();
else process.exitCode = answer(argument);

async function run(): Promise<void> {
  const exitCode = await runHook({
    env: process.env,
    printLine: (line) => process.stderr.write(`${line}\n`),
    /** Asked for by an upload alone: there is nothing else to interrupt. */
    get signal() {
      const interruption = new AbortController();
      for (const name of ['SIGINT', 'SIGTERM'] as const)
        process.once(name, () => interruption.abort(new Error(`interrupted by ${name}`)));
      process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
      return interruption.signal;
    },
  });
  // Nothing is left to wait for, and Nix waits: Node need not take itself apart.
  process.exit(exitCode);
}

/** For a person: Nix gives no arguments. */
function answer(option: string): 0 | 1 {
  const { version } = JSON.parse(readFileSync(join(__dirname, '../../package.json'), 'utf8')) as { version: string };
  if (option === '--version' || option === '-V') {
    console.log(version);
    return 0;
  }
  console.log(`narkit-hook ${version} takes no arguments: Nix runs it after each build, once nix.conf has

  post-build-hook = /path/of/narkit-hook

'narkit doctor' checks that, and the configuration.`);
  return option === '--help' || option === '-h' ? 0 : 1;
}
