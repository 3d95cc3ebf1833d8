/**
 * `narkit queue`: what waits to be uploaded, and what to do with it.
 *
 * @module
 */
import type { Command } from 'commander';
import type { Context } from './context.ts';
import { configFlag } from './open-queue.ts';
import { addQueueAddCommand } from './queue-add.ts';
import { addQueueCommandCommands } from './queue-command.ts';
import { addQueueListCommand } from './queue-list.ts';
import { addQueueReconcileCommand } from './queue-reconcile.ts';
import { addQueueStatusCommand } from './queue-status.ts';
import { addQueueWaitCommand } from './queue-wait.ts';

/** Add the commands. */
export function addQueueCommands(program: Command, context: Context): void {
  const queue = program
    .command('queue')
    .description('See and steer what waits to be uploaded, with a worker or without.');
  addQueueStatusCommand(queue, context);
  addQueueListCommand(queue, context);
  addQueueWaitCommand(queue, context);
  addQueueCommandCommands(queue, context);
  addQueueAddCommand(queue, context);
  addQueueReconcileCommand(queue, context);
  for (const command of queue.commands) command.option(...configFlag);
}
