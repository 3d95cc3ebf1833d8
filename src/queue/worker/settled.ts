/**
 * Whether a path of a record still has to get to a destination.
 *
 * @module
 */
import type { PathProgress } from '../journal.ts';
import type { QueueRecord } from '../record.ts';

/** Does nothing of the path wait any more, as far as this record is concerned? What was settled before the record came does not count. */
export function isSettled(known: PathProgress | undefined, record: QueueRecord): boolean {
  if (known === undefined || known.progress === 'waiting' || known.progress === 'parked') return false;
  return known.sinceMs >= record.timeMs;
}
