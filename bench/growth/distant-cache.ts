/**
 * An HTTP cache that is far away.
 *
 * @module
 */
import { startNginx } from '../../test/peers/nginx.ts';
import { putAtDistance } from '../rows/distant.ts';

export interface DistantCache {
  /** Without a slash at the end; what lies below it is taken and given. */
  readonly url: string;
  /** How often it was asked since the last time. */
  countRequests(): Promise<number>;
  stop(): Promise<void>;
}

/** nginx, as many milliseconds there and back away. */
export async function startDistantCache(roundTripMs: number): Promise<DistantCache> {
  const nginx = await startNginx();
  const distant = await putAtDistance(nginx.port, roundTripMs);
  let counted = 0;
  return {
    url: `http://127.0.0.1:${distant.port}`,
    async countRequests() {
      const { length } = await nginx.requests();
      const requests = length - counted;
      counted = length;
      return requests;
    },
    async stop() {
      await distant.stop();
      await nginx.stop();
    },
  };
}
