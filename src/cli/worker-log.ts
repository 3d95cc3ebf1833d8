/**
 * The log of the worker: a line on standard error for each thing that happens.
 *
 * @module
 */
import { fstatSync } from 'node:fs';
import { messageOf } from '../errors.ts';
import type { WorkerEvent } from '../queue/worker/worker-event.ts';
import { formatStorePath } from '../store-path.ts';
import type { Context } from './context.ts';
import { formatBytes } from './format-bytes.ts';
import { formatDuration } from './format-duration.ts';

/** How to log. */
export interface WorkerLogOptions {
  readonly format: 'text' | 'json';
  /** Say what is only of use when something is wrong, too. */
  readonly verbose: boolean;
  readonly storeDir: string;
}

/** Takes what happens. */
export interface WorkerLog {
  onEvent(event: WorkerEvent): void;
  warning(message: string): void;
  /** What is said once, of the worker itself. */
  note(message: string): void;
}

/** As `syslog(3)` counts. */
const priorities = { error: 3, warning: 4, notice: 5, info: 6, debug: 7 } as const;
type Level = keyof typeof priorities;

/** What a line of JSON says: the event with texts in place of errors and base names. */
type Entry = WorkerEvent | { readonly type: 'warning' | 'note'; readonly message: string };

/** A log on the context's stderr. Where that is the journal of systemd, each line begins with its priority, which the journal takes away. */
export function createWorkerLog(context: Context, { format, verbose, storeDir }: WorkerLogOptions): WorkerLog {
  const { env, stderr } = context;
  const isJournal = isJournalStream(env.JOURNAL_STREAM, (stderr as { fd?: number }).fd);

  function write(level: Level, entry: Entry): void {
    if (level === 'debug' && !verbose) return;
    const line = format === 'json' ? formatJson(level, entry, storeDir) : formatText(level, entry, storeDir, isJournal);
    const prefix = isJournal ? `<${priorities[level]}>` : '';
    stderr.write(`${prefix}${line.replaceAll(/\s*\n\s*/g, ' ')}\n`);
  }

  return {
    onEvent: (event) => write(levelOf(event), event),
    warning: (message) => write('warning', { type: 'warning', message }),
    note: (message) => write('info', { type: 'note', message }),
  };
}

/** `JOURNAL_STREAM` names the device and inode of the stream (`systemd.exec(5)`); what is redirected elsewhere is not the journal. */
function isJournalStream(stream: string | undefined, descriptor: number | undefined): boolean {
  if (!stream || descriptor === undefined) return false;
  try {
    const { dev, ino } = fstatSync(descriptor);
    return stream === `${dev}:${ino}`;
  } catch {
    return false;
  }
}

function levelOf(event: WorkerEvent): Level {
  switch (event.type) {
    case 'parked':
    case 'damaged':
      return 'error';
    case 'retry':
    case 'gone':
    case 'warning':
      return 'warning';
    case 'destination':
      return event.state === 'ready' ? 'notice' : 'warning';
    case 'started':
    case 'uploaded':
    case 'stopping':
    case 'stopped':
      return 'info';
    default:
      return 'debug';
  }
}

function formatJson(level: Level, entry: Entry, storeDir: string): string {
  const { type, ...rest } = entry;
  const fields: Record<string, unknown> = { time: new Date().toISOString(), level, event: type, ...rest };
  if ('path' in entry) fields.path = formatStorePath(entry.path, storeDir);
  if ('error' in entry && entry.error !== undefined) {
    const { code } = entry.error as { code?: unknown };
    fields.error = { code: typeof code === 'string' ? code : 'unknown', message: messageOf(entry.error) };
  }
  return JSON.stringify(fields);
}

function formatText(level: Level, entry: Entry, storeDir: string, isJournal: boolean): string {
  const text = describe(entry, storeDir);
  // The journal has both of its own.
  if (isJournal) return text;
  const label = level === 'error' || level === 'warning' ? `${level}: ` : '';
  return `${new Date().toISOString()} ${label}${text}`;
}

function describe(entry: Entry, storeDir: string): string {
  const path = 'path' in entry ? formatStorePath(entry.path, storeDir) : '';
  switch (entry.type) {
    case 'started':
      return `started: ${entry.records} ${entry.records === 1 ? 'record waits' : 'records wait'}`;
    case 'queued':
      return `queued ${path}${entry.tag === undefined ? '' : ` (tag ${entry.tag})`}`;
    case 'uploading':
      return `uploading ${path} to ${entry.destination}`;
    case 'uploaded':
      return `uploaded ${path} to ${entry.destination} (${formatBytes(entry.narSize)} in ${(entry.durationMs / 1000).toFixed(1)}s)`;
    case 'present':
      return `${path} is in ${entry.destination} already`;
    case 'retry':
      return (
        `cannot upload ${path} to ${entry.destination}, attempt ${entry.attempts}, ` +
        `next in ${formatDuration(entry.delayMs / 1000)}: ${messageOf(entry.error)}`
      );
    case 'parked':
      return `parked ${path}: cannot upload it to ${entry.destination}: ${messageOf(entry.error)}`;
    case 'gone':
      return `${path} is gone from the store: it cannot be uploaded any more`;
    case 'destination': {
      const { destination, state, retryMs, error } = entry;
      const next = retryMs === undefined ? '' : `, next try in ${formatDuration(retryMs / 1000)}`;
      return `${destination} is ${state}${next}${error === undefined ? '' : `: ${messageOf(error)}`}`;
    }
    case 'damaged':
      return `put a damaged record aside, ${entry.record}: ${messageOf(entry.error)}`;
    case 'warning':
    case 'note':
      return entry.message;
    default:
      return entry.type;
  }
}
