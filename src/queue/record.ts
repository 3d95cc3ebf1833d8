/**
 * Records: what one run of the hook leaves in the spool, a file of JSON whose name tells when and how much.
 *
 * @module
 */
import type { StorePath } from '../store-path.ts';

/** What one run of the hook leaves. */
export interface QueueRecord {
  /** The name of its file, without `.json`. */
  readonly id: string;
  /** When, by the clock of the hook. */
  readonly timeMs: number;
  readonly storeDir: string;
  /** What was built. At least one. */
  readonly paths: readonly StorePath[];
  readonly derivation?: StorePath | undefined;
  /** What `NARKIT_TAG` said. */
  readonly tag?: string | undefined;
}

/** What the name of a record tells. */
export interface RecordId {
  readonly timeMs: number;
  readonly pathCount: number;
  /** Of the process that wrote it. */
  readonly processId: number;
}

const idPattern = /^(\d{13})-(\d{1,6})-(\d{1,10})-[0-9a-z]{1,16}$/;

/** What the name of a record tells; `undefined` when it is none. Records sort by time as texts do. */
export function parseRecordId(id: string): RecordId | undefined {
  const [, timeMs, pathCount, processId] = idPattern.exec(id) ?? [];
  if (timeMs === undefined) return undefined;
  return { timeMs: Number(timeMs), pathCount: Number(pathCount), processId: Number(processId) };
}
