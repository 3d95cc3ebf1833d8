/**
 * A program of the command line: a task as its argument, a report on its standard output.
 *
 * @module
 */
import { runTask } from './scenario.ts';

declare const Deno: { readonly args: readonly string[] } | undefined;

const task = typeof Deno === 'undefined' ? process.argv.at(-1) : Deno.args[0];
console.log(JSON.stringify(await runTask(JSON.parse(task!))));
