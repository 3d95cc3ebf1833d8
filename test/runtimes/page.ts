/**
 * A page's script: it asks its server for a task, and tells it what came of it.
 *
 * @module
 */
import { runTask, type Task } from './scenario.ts';

const post = (path: string, text: string): Promise<Response> => fetch(path, { method: 'POST', body: text });

try {
  const task = (await (await fetch('/task')).json()) as Task;
  await post('/report', JSON.stringify(await runTask(task)));
} catch (error) {
  await post('/failure', String((error as Error).stack));
}
