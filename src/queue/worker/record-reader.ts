/**
 * Records, read once for all destinations that get to them at about the same time.
 *
 * @module
 */
import { asError, isNarkitError } from '../../errors.ts';
import type { QueueRecord } from '../record.ts';
import type { Spool } from '../spool.ts';
import { createRecentMap } from './recent-map.ts';

const remembered = 512;

/** Reads records. */
export interface RecordReader {
  /** `undefined` when it is gone, or cannot be read. */
  read(id: string): Promise<QueueRecord | undefined>;
  /** It was removed. */
  forget(id: string): void;
}

/** Who is told of records that cannot be read. */
export interface RecordReaderOptions {
  /** For ever: it was put aside. */
  readonly onDamaged: (id: string, error: Error) => void;
  /** This time. */
  readonly onUnreadable: (id: string, error: Error) => void;
}

/** Nothing is read yet. */
export function createRecordReader(spool: Spool, { onDamaged, onUnreadable }: RecordReaderOptions): RecordReader {
  const recent = createRecentMap<string, Promise<QueueRecord | undefined>>(remembered);

  async function readUsable(id: string): Promise<QueueRecord | undefined> {
    try {
      return await spool.readRecord(id);
    } catch (error) {
      if (isNarkitError(error) && error.code === 'record-damaged') onDamaged(id, asError(error));
      else {
        recent.delete(id);
        onUnreadable(id, asError(error));
      }
      return undefined;
    }
  }

  return {
    read(id) {
      const known = recent.get(id);
      if (known !== undefined) return known;
      const reading = readUsable(id);
      recent.set(id, reading);
      return reading;
    },
    forget: (id) => recent.delete(id),
  };
}
