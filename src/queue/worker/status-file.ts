/**
 * Writing `status.json`.
 *
 * @module
 */
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type WorkerStatus, workerStatusFile } from './worker-status.ts';

const betweenWritesMs = 500;

/** Keeps the file up to date. */
export interface StatusFile {
  /** Something changed. */
  update(): void;
  /** Take the file away. */
  close(): Promise<void>;
}

/** @param read gives what is so at the time of writing. */
export function createStatusFile(
  directory: string,
  read: () => Omit<WorkerStatus, 'version' | 'processId' | 'timeMs'>,
): StatusFile {
  const file = join(directory, workerStatusFile);
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();
  let closed = false;

  async function write(): Promise<void> {
    const status: WorkerStatus = { version: 1, processId: process.pid, timeMs: Date.now(), ...read() };
    // Who cannot write it, works all the same.
    await writeFile(`${file}.new`, JSON.stringify(status), { mode: 0o640 })
      .then(() => rename(`${file}.new`, file))
      .catch(() => {});
  }

  return {
    update() {
      if (timer !== undefined || closed) return;
      timer = setTimeout(() => {
        timer = undefined;
        writing = writing.then(write);
      }, betweenWritesMs);
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      await writing;
      for (const name of [file, `${file}.new`]) await rm(name, { force: true }).catch(() => {});
    },
  };
}
