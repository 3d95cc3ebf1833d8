import { describe, it } from 'vitest';
import { backendConformanceCases } from '../../src/backend/conformance/index.ts';
import { createMemoryBackend } from '../../src/backend/memory.ts';

describe('memory backend', () => {
  const backend = createMemoryBackend();
  for (const { name, run } of backendConformanceCases) it(name, () => run({ backend }));
});
