/**
 * Giving a command to the queue, with a worker or without.
 *
 * @module
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { AbortOptions } from '../abort.ts';
import { isNarkitError } from '../errors.ts';
import {
  type AppliedCommand,
  applyCommands,
  commandsFolder,
  listCommandIds,
  type QueueCommand,
  removeSettledRecords,
  writeCommand,
} from './commands.ts';
import { openJournal } from './journal.ts';
import { acquireLock, findLockHolder } from './lock.ts';
import type { Spool } from './spool.ts';

/** How to give a command. */
export interface SendCommandOptions extends AbortOptions {
  /** How long the worker may take to carry it out. @default 10 seconds */
  readonly timeoutMs?: number | undefined;
}

/** What became of a command. */
export type SentCommand =
  /** No worker runs: it is carried out, and changed something for so many paths or destinations. */
  | { readonly by: 'us'; readonly changed: number }
  /** The worker, or another command that was given at the same time, carried it out. */
  | { readonly by: 'worker' }
  /** The worker did not come to it in time. It lies there, and is carried out by and by. */
  | { readonly by: 'nobody'; readonly processId: number | undefined };

const pollMs = 50;

/**
 * Give a command to the queue: leave it there, and wait until the worker has carried it out; where none runs, do so here.
 *
 * @param destinations all that there are, as {@link destinationName} calls them.
 * @throws {@link QueueError} `spool` when this user may not.
 */
export async function sendCommand(
  spool: Spool,
  destinations: readonly string[],
  command: QueueCommand,
  { timeoutMs = 10_000, signal }: SendCommandOptions = {},
): Promise<SentCommand> {
  const id = await writeCommand(spool.directory, command);
  const startedMs = performance.now();
  for (;;) {
    const holder = await findLockHolder(spool.directory);
    if (holder === undefined) {
      const applied = await applyHere(spool, destinations, id);
      if (applied !== undefined) return applied;
    } else if (performance.now() - startedMs > timeoutMs) return { by: 'nobody', processId: holder.processId };
    if (!(await listCommandIds(spool.directory)).includes(id)) return { by: 'worker' };
    await delay(pollMs, undefined, { signal });
  }
}

/** Carry out all that lies there. @returns `undefined` when somebody else does. */
async function applyHere(spool: Spool, destinations: readonly string[], id: string): Promise<SentCommand | undefined> {
  const lock = await acquireLock(spool.directory).catch(async (error: unknown) => {
    if (isNarkitError(error) && error.code === 'locked') return undefined;
    // Who may not carry it out should not leave it to others, to their surprise.
    await rm(join(spool.directory, commandsFolder, `${id}.json`), { force: true });
    throw error;
  });
  if (lock === undefined) return undefined;
  try {
    const journal = await openJournal(spool.directory);
    let applied: AppliedCommand[];
    try {
      applied = await applyCommands(journal, spool, destinations);
      if (applied.some(({ command }) => command?.command === 'drop'))
        await removeSettledRecords(journal, spool, destinations);
    } finally {
      await journal.close();
    }
    const own = applied.find((one) => one.id === id);
    return own && { by: 'us', changed: own.changed };
  } finally {
    await lock.release();
  }
}
