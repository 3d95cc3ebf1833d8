import { afterAll, beforeAll, describe, it } from 'vitest';
import { backendConformanceCases } from '../../../src/backend/conformance/index.ts';
import { createHttpBackend, type HttpBackend } from '../../../src/backend/http/http-backend.ts';
import { type Nginx, startNginx } from '../../peers/nginx.ts';
import { describePeer } from '../../peers/peers.ts';
import { clients } from './clients.ts';

describePeer('nginx', 'HTTP backend on nginx', () => {
  let nginx: Nginx;
  beforeAll(async () => {
    nginx = await startNginx();
  });
  afterAll(() => nginx?.stop());

  describe.each(clients)('$client', ({ fetch }) => {
    let backend: HttpBackend;
    beforeAll(() => {
      backend = createHttpBackend(`${nginx.url}/a%20cache`, { fetch });
    });
    afterAll(() => backend.close());
    for (const { name, run } of backendConformanceCases) it(name, () => run({ backend }));
  });
});
