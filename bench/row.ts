/**
 * What a line of the bench is made of.
 *
 * @module
 */
import type { Fixtures } from './fixtures/store.ts';

/** A Node that narkit is measured with. */
export interface NodeVersion {
  /** `Node 20` */
  readonly name: string;
  /** The first number of its version, as text. */
  readonly major: string;
  readonly version: string;
  /** The program. */
  readonly file: string;
}

/** One process, which is timed from its start to its end. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  /** Its whole environment. @default this process's */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** What one run of a program has for itself. */
export interface Run {
  /** An empty directory, on the disk of the fixtures, that is removed afterwards. */
  readonly directory: string;
  readonly node: NodeVersion;
}

/** What narkit is compared with. */
export interface Peer {
  /** Unique in its row; what the program is called in the table. */
  readonly name: string;
  /** Why it cannot be measured here. */
  readonly missing?: string | undefined;
  /** It runs on Node, too: measured once with each. */
  readonly perNode?: boolean;
  /** narkit is compared with its time and so much besides. */
  readonly plusMs?: number;
  /** narkit is compared with its time and another peer's. */
  readonly plusPeer?: string;
  /** What narkit's time divided by this peer's may be at most, for every Node or by its first number; without it the peer is there for orientation. */
  readonly atMost?: number | Readonly<Record<string, number>>;
  command(run: Run): Command | Promise<Command>;
}

/** A row that is ready to be measured. */
export interface OpenRow {
  /** What narkit does. */
  narkit(run: Run): Command | Promise<Command>;
  readonly peers: readonly Peer[];
  /** After each run, outside of the time, beside the removal of its directory. Throws when the run has not done its work. */
  afterRun?(run: Run): Promise<void>;
  close?(): Promise<void>;
}

export interface Row {
  /** Unique; `--only` looks for a part of it. */
  readonly name: string;
  /** What the figure means for a user: one short sentence. */
  readonly meaning: string;
  /** Measured so often, after one more that does not count. @default 5 */
  readonly rounds?: number;
  /** No run that does not count before: it takes too long. */
  readonly isLong?: boolean;
  /** Why the row cannot be measured here at all. */
  missing?(): string | undefined;
  open(fixtures: Fixtures): OpenRow | Promise<OpenRow>;
}
