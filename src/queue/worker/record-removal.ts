/**
 * Removing records of which nothing waits any more.
 *
 * @module
 */
import { messageOf } from '../../errors.ts';
import type { Journal } from '../journal.ts';
import type { QueueRecord } from '../record.ts';
import type { Spool } from '../spool.ts';
import type { Arrivals } from './arrivals.ts';
import type { HeldPaths } from './held-paths.ts';
import type { RecordReader } from './record-reader.ts';
import { isSettled } from './settled.ts';

/** What a removal has to do with. */
export interface RecordRemovalOptions {
  readonly spool: Spool;
  readonly journal: Journal;
  readonly held: HeldPaths;
  readonly records: RecordReader;
  /** They come to be after this, and know of no record that was removed. */
  readonly arrivals: () => Arrivals;
  /** The names of all destinations. */
  readonly destinations: readonly string[];
  readonly onWarning: (message: string) => void;
  /** A record is gone, or is not to go. */
  readonly onChange: () => void;
}

/** Removes records. */
export interface RecordRemoval {
  /** Nothing of these waits at one destination any more. They go when nothing waits anywhere, and so do others that have paths of them. */
  settled(records: readonly QueueRecord[]): void;
  /** Try those once more that could not be removed. */
  again(): void;
  isBusy(): boolean;
  /** Resolves when nothing is being removed. */
  ended(): Promise<void>;
}

/** Nothing is removed yet. */
export function createRecordRemoval(options: RecordRemovalOptions): RecordRemoval {
  const { spool, journal, held, records, destinations, onWarning, onChange } = options;
  /** Records that are read to see whether they are done. */
  let looking = 0;
  const removing = new Map<string, Promise<void>>();
  /** Done, and still there. */
  const unremoved = new Map<string, QueueRecord>();

  const isDone = (record: QueueRecord): boolean =>
    record.paths.every((path) => destinations.every((name) => isSettled(journal.get(path, name), record)));

  function removeWhenDone(record: QueueRecord): void {
    if (!isDone(record) || removing.has(record.id)) return;
    const removal = remove(record)
      .catch((error: unknown) => {
        if (unremoved.size === 0)
          onWarning(`records that are done cannot be removed, and are tried again: ${messageOf(error)}`);
        unremoved.set(record.id, record);
      })
      .finally(() => {
        removing.delete(record.id);
        onChange();
      });
    removing.set(record.id, removal);
  }

  async function remove(record: QueueRecord): Promise<void> {
    await spool.removeRecord(record.id);
    unremoved.delete(record.id);
    records.forget(record.id);
    options.arrivals().forget(record.id);
    // What was dropped is dropped from other records, too.
    for (const path of held.release(record))
      if (destinations.every((name) => journal.get(path, name)?.progress !== 'dropped')) journal.forget(path);
    if (options.arrivals().size === 0) for (const { path } of [...journal.entries()]) journal.forget(path);
  }

  async function look(id: string): Promise<void> {
    looking++;
    const record = await records.read(id);
    looking--;
    if (record !== undefined) removeWhenDone(record);
    onChange();
  }

  return {
    settled(settled) {
      const known = new Map(settled.map((record) => [record.id, record]));
      const others = new Set<string>();
      for (const record of settled)
        for (const path of record.paths) for (const id of held.idsOf(path)) if (!known.has(id)) others.add(id);
      for (const record of known.values()) removeWhenDone(record);
      for (const id of others) void look(id);
    },
    again() {
      for (const record of [...unremoved.values()]) removeWhenDone(record);
    },
    isBusy: () => removing.size + looking > 0,
    async ended() {
      await Promise.all(removing.values());
    },
  };
}
