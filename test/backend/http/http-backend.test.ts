import { afterAll, beforeAll, it } from 'vitest';
import type { Backend } from '../../../src/backend/backend.ts';
import { backendConformanceCases } from '../../../src/backend/conformance/index.ts';
import { createHttpBackend } from '../../../src/backend/http/http-backend.ts';
import { type Nginx, startNginx } from '../../peers/nginx.ts';
import { describePeer } from '../../peers/peers.ts';

describePeer('nginx', 'HTTP backend on nginx', () => {
  let nginx: Nginx;
  let backend: Backend;
  beforeAll(async () => {
    nginx = await startNginx();
    backend = createHttpBackend(`${nginx.url}/a%20cache`);
  });
  afterAll(() => nginx?.stop());
  for (const { name, run } of backendConformanceCases) it(name, () => run({ backend }));
});
