/**
 * `narkit hash`, as `nix hash`.
 *
 * @module
 */
import type { Command } from 'commander';
import type { Context } from './context.ts';
import { addHashConvertCommand } from './hash-convert.ts';
import { addHashPathCommand } from './hash-path.ts';

/** Add the commands. */
export function addHashCommands(program: Command, context: Context): void {
  const hash = program.command('hash').description('Compute and convert hashes.');
  addHashPathCommand(hash, context);
  addHashConvertCommand(hash, context);
}
