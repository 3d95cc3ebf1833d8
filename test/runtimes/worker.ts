/**
 * A Worker that does the task of a request.
 *
 * @module
 */
import { runTask, type Task } from './scenario.ts';

export default {
  async fetch(request: Request): Promise<Response> {
    return Response.json(await runTask((await request.json()) as Task));
  },
};
