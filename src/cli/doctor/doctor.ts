/**
 * `narkit doctor`: is everything there that an upload needs, and what is to be done where it is not?
 *
 * @module
 */
import { styleText } from 'node:util';
import type { Command } from 'commander';
import type { NarkitConfig } from '../../config/index.ts';
import { messageOf } from '../../errors.ts';
import { type Context, exitCode, writeOut } from '../context.ts';
import { type CheckContext, type Finding, failed, ok } from './finding.ts';

const marks = { ok: ['green', '✓'], warning: ['yellow', '!'], failed: ['red', '✗'] } as const;

/** Add the command. */
export function addDoctorCommand(program: Command, context: Context): void {
  program
    .command('doctor')
    .summary('Check configuration, keys, destinations, queue and hook.')
    .description(
      'Check the configuration file, the keys, each destination (a probe is written, read back and removed), the queue, the local Nix, and the hook in nix.conf; say of each what to do.',
    )
    .option('--config <file>', 'the configuration file (default: NARKIT_CONFIG, else /etc/narkit/config.toml)')
    .option('--json', 'print a line of JSON for each finding')
    .addHelpText('after', '\nExample:\n  $ sudo narkit doctor')
    .action(async (flags: { config?: string; json?: boolean }) => {
      const { env, signal } = context;
      const checked = { env: flags.config === undefined ? env : { ...env, NARKIT_CONFIG: flags.config }, signal };
      for await (const finding of check(checked)) {
        if (finding.state === 'failed') context.exitCode = exitCode.failure;
        await writeOut(context, flags.json ? `${JSON.stringify(finding)}\n` : formatFinding(context, finding));
      }
    });
}

async function* check(context: CheckContext): AsyncGenerator<Finding> {
  const { readNarkitConfig } = await import('../../config/index.ts');
  const { checkHook } = await import('./check-hook.ts');
  let config: NarkitConfig;
  try {
    config = await readNarkitConfig(context.env);
  } catch (error) {
    yield failed('config', messageOf(error), 'write it as docs/post-build-hook.md shows');
    yield* checkHook(context);
    return;
  }
  yield ok('config', `what is built goes to ${config.to.map((uri) => `'${uri}'`).join(', ')}`);
  const { checkKeys } = await import('./check-keys.ts');
  const { checkDestinations } = await import('./check-destinations.ts');
  const { checkQueue } = await import('./check-queue.ts');
  const { checkLocalNix } = await import('./check-local-nix.ts');
  yield* checkKeys(config, context);
  yield* checkDestinations(config, context);
  yield* checkQueue(config, context);
  yield* checkLocalNix(config, context);
  yield* checkHook(context);
}

function formatFinding({ stdout }: Context, { about, state, message, advice }: Finding): string {
  const [color, mark] = marks[state];
  const line = `${styleText(color, mark, { stream: stdout })} ${about}: ${message}\n`;
  return advice === undefined ? line : `${line}    ${advice}\n`;
}
