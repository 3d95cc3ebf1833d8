/**
 * Running a command line.
 *
 * @module
 */
import { CommanderError } from 'commander';
import { isNarkitError, messageOf } from '../errors.ts';
import { addCompleteCommand, describeCompleteCommand } from './complete.ts';
import { type Context, exitCode, printError, ReaderGoneError, UsageError } from './context.ts';
import { createProgram, finishHelp, shortSummary } from './program.ts';

/** Run one command. @returns the exit code: 0 all well, 1 something failed, 2 wrong use, 130 interrupted. */
export async function main(args: readonly string[], context: Context): Promise<number> {
  const [name] = args;
  if (name === undefined) {
    context.stderr.write(shortSummary);
    return exitCode.usage;
  }
  try {
    const program = await createProgram(context, name);
    if (name === 'complete' && args[1] !== '--help') await addCompleteCommand(program, context, args[1]);
    else describeCompleteCommand(program);
    finishHelp(program);
    await program.parseAsync(args, { from: 'user' });
    return context.exitCode;
  } catch (error) {
    if (context.signal.aborted) return exitCode.interrupted;
    if (error instanceof ReaderGoneError) return context.exitCode;
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.success : exitCode.usage;
    printError(context, messageOf(error));
    if (error instanceof UsageError) return exitCode.usage;
    if (!isNarkitError(error) && context.env.NARKIT_DEBUG) context.stderr.write(`${(error as Error).stack}\n`);
    return exitCode.failure;
  }
}
