/**
 * A Worker in a real workerd.
 *
 * @module
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { needPeer } from '../peers/peers.ts';

/** Answer one request, a POST with a task in it, by the Worker `entry.js` of a folder; its answer. */
export async function runWorker(folder: string, task: unknown, path = '/'): Promise<string> {
  const modules = (await readdir(folder))
    .filter((name) => /\.(js|wasm)$/.test(name))
    .sort() // the entry comes first
    .map((name) => `(name = "${name}", ${name.endsWith('.js') ? 'esModule' : 'wasm'} = embed "${name}")`);
  // Without `nodejs_compat`: a Worker as it is by default. By default it may not reach this machine either.
  await writeFile(
    join(folder, 'config.capnp'),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "worker", worker = (modules = [${modules.join(', ')}], compatibilityDate = "2025-09-01")),
    (name = "internet", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "worker")],
);
`,
  );
  const child = spawn(needPeer('workerd'), ['serve', 'config.capnp', '--control-fd=3'], {
    cwd: folder,
    stdio: ['ignore', 'inherit', 'pipe', 'pipe'],
  });
  const ended = once(child, 'exit');
  const said = text(child.stderr!);
  try {
    const [line] = await Promise.race([once(child.stdio[3]!, 'data'), ended.then(() => [undefined])]);
    if (line === undefined) throw new Error(`workerd ended: ${await said}`);
    const { port } = JSON.parse(String(line));
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body: JSON.stringify(task) ?? '' });
    const body = await answer.text();
    if (!answer.ok) throw new Error(`the Worker answers ${answer.status}: ${body}`);
    return body;
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}
