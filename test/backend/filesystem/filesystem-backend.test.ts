import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { backendConformanceCases } from '../../../src/backend/conformance/index.ts';
import { createFilesystemBackend, type FilesystemBackend } from '../../../src/backend/filesystem/index.ts';

describe('file system backend', () => {
  let directory: string;
  let backend: FilesystemBackend;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'narkit-filesystem-'));
    backend = createFilesystemBackend(join(directory, 'made/on demand'));
  });
  afterAll(() => rm(directory, { recursive: true }));
  for (const { name, run } of backendConformanceCases) it(name, () => run({ backend }));
});
