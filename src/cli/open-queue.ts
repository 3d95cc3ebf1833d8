/**
 * The queue that the configuration file names.
 *
 * @module
 */
import type { NarkitConfig } from '../config/index.ts';
import { isNarkitError, messageOf } from '../errors.ts';
import type { Spool } from '../queue/spool.ts';
import type { StorePath } from '../store-path.ts';
import { type Context, UsageError } from './context.ts';
import { resolveStorePath } from './store-path-argument.ts';

/** The flag that all commands of the queue have. */
export interface ConfigFlag {
  readonly config?: string;
}

/** The flag in the help. */
export const configFlag = [
  '--config <file>',
  'the configuration file (default: NARKIT_CONFIG, or /etc/narkit/config.toml)',
] as const;

/** The queue, and what the file says of it. */
export interface OpenedQueue {
  readonly config: NarkitConfig;
  readonly spool: Spool;
  /** As the queue calls them. */
  readonly destinations: readonly string[];
}

/** Open the queue. With `create` its directory is made where there is none. */
export async function openQueue(
  context: Context,
  flags: ConfigFlag,
  options: { readonly create?: boolean } = {},
): Promise<OpenedQueue> {
  const { readNarkitConfig } = await import('../config/narkit-config.ts');
  const { defaultGcRootsDirectory, destinationName, openSpool } = await import('../queue/index.ts');
  const { env } = context;
  const config = await readNarkitConfig(flags.config === undefined ? env : { ...env, NARKIT_CONFIG: flags.config });
  const { directory, gcRoots = defaultGcRootsDirectory(env) } = config.queue;
  const spool = await openSpool(directory, { gcRootsDirectory: gcRoots, ...options });
  return { config, spool, destinations: config.to.map(destinationName) };
}

/**
 * Do something with what lies in the queue.
 *
 * @throws QueueError `spool` in place of an error of the operating system, which knows nothing of queues.
 */
export async function usingQueue<Result>({ spool }: OpenedQueue, use: () => Promise<Result>): Promise<Result> {
  try {
    return await use();
  } catch (error) {
    if (isNarkitError(error) || typeof (error as NodeJS.ErrnoException).syscall !== 'string') throw error;
    const { QueueError } = await import('../queue/index.ts');
    const { directory } = spool;
    throw new QueueError('spool', directory, `the queue '${directory}' cannot be used: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** The name of a destination that a person named: as the configuration file has it, or as the queue calls it. */
export async function findDestination({ destinations }: OpenedQueue, given: string): Promise<string> {
  const { destinationName } = await import('../queue/index.ts');
  const name = destinationName(given);
  if (destinations.includes(name)) return name;
  throw new UsageError(
    `there is no destination '${name}': the configuration file has ${destinations.map((uri) => `'${uri}'`).join(', ')}`,
  );
}

/** The paths that a person names. They need not be in the store any more, so it is not asked. */
export async function parseQueuedPaths({ env }: Context, texts: readonly string[]): Promise<StorePath[]> {
  const { defaultStoreDirOf } = await import('../store/local-directories.ts');
  return Promise.all(texts.map((text) => resolveStorePath(text, defaultStoreDirOf(env))));
}
