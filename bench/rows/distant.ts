/**
 * A server that is so many milliseconds away.
 *
 * @module
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface Distant {
  /** On loopback. */
  readonly port: number;
  stop(): Promise<void>;
}

/** Put a server on loopback at a distance: `../delaying-proxy.mjs`, in a process of its own. */
export async function putAtDistance(port: number, roundTripMs: number): Promise<Distant> {
  const program = fileURLToPath(new URL('../delaying-proxy.mjs', import.meta.url));
  const child = spawn(process.execPath, [program, String(port), String(roundTripMs)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [line] = await once(child.stdout, 'data');
  return {
    port: Number(String(line)),
    async stop() {
      const ended = once(child, 'exit');
      child.stdin.end();
      await ended;
    },
  };
}
