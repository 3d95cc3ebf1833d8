/**
 * The worker: takes what lies in the spool to each destination.
 *
 * @module
 */
import { clearTimeout, setTimeout as startTimer } from 'node:timers';
import { setTimeout } from 'node:timers/promises';
import { type NarkitConfig, readSecretKeyFile } from '../../config/index.ts';
import { messageOf } from '../../errors.ts';
import { applyCommands } from '../commands.ts';
import { destinationName } from '../destination-name.ts';
import { openJournal } from '../journal.ts';
import type { Spool } from '../spool.ts';
import { createArrivals } from './arrivals.ts';
import { describeError } from './failure.ts';
import { createHeldPaths } from './held-paths.ts';
import { createKnownPaths } from './known-paths.ts';
import { createLane, type Lane } from './lane.ts';
import type { WaitingPath } from './lane-paths.ts';
import { openDestination } from './open-destination.ts';
import { awaitSource, type Source } from './open-source.ts';
import { createRecordReader } from './record-reader.ts';
import { createRecordRemoval } from './record-removal.ts';
import { isSettled } from './settled.ts';
import { createStatusFile } from './status-file.ts';
import { openUnderWay } from './under-way.ts';
import type { WorkerEvent } from './worker-event.ts';

/** What a worker works with. */
export interface WorkerOptions {
  readonly config: NarkitConfig;
  /** Its lock is the caller's to hold. */
  readonly spool: Spool;
  /**
   * End when nothing is left that waits, but for what is parked, and for destinations that are paused or were tried as often as a path
   * would be.
   */
  readonly once?: boolean | undefined;
  /** Aborting it ends the worker cleanly, within `shutdown-timeout`: no error. */
  readonly signal: AbortSignal;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Told of all that happens. */
  readonly onEvent?: ((event: WorkerEvent) => void) | undefined;
  /** A connection over which nothing goes for so long is given up. Default 60,000. */
  readonly stallTimeoutMs?: number | undefined;
}

/** What a worker did, in paths and destinations: a path that went to two counts twice. */
export interface WorkerResult {
  readonly uploaded: number;
  readonly parked: number;
  readonly waiting: number;
}

/** All destinations share it, so that one that hangs holds no other. */
const budgetBytes = 128 * 1024 * 1024;
/** Hooks that are killed leave little. */
const sweepEveryMs = 10 * 60 * 1000;
const longestWaitForSourceMs = 60_000;
/** Of the time to stop, this much is left for putting away what was given up. */
const clearingMs = 10_000;

/**
 * Work until the signal is aborted, or with `once` until nothing waits. For the holder of the lock.
 *
 * @throws what keeps all from being uploaded: key files, the local store, the spool.
 */
export async function runWorker(options: WorkerOptions): Promise<WorkerResult> {
  const { config, spool, signal, env = process.env, onEvent = () => {} } = options;
  const onWarning = (message: string): void => onEvent({ type: 'warning', message });
  const clock = (): number => performance.now();
  const secretKeys = await Promise.all(config.secretKeyFiles.map((file) => readSecretKeyFile(file, { onWarning })));
  const source = await findSource(options, onWarning, clock);
  if (source === undefined) return { uploaded: 0, parked: 0, waiting: 0 };
  const destinations = new Map(config.to.map((uri) => [destinationName(uri), uri]));
  const names = [...destinations.keys()];
  // Both are hints: without them, more is asked, and more may be left behind by a kill.
  const onFileError = (error: unknown): void => onWarning(`the queue cannot take notes: ${messageOf(error)}`);
  const journal = await openJournal(spool.directory, { onError: onFileError });
  const underWay = await openUnderWay(spool.directory, names, onFileError);
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  let stopped = false;
  let idle = false;

  const held = createHeldPaths();
  const unreadable = new Set<string>();
  const records = createRecordReader(spool, {
    onDamaged(id, error) {
      arrivals.forget(id);
      onEvent({ type: 'damaged', record: id, error });
    },
    onUnreadable(id, error) {
      // Thus the next look finds it again.
      arrivals.forget(id);
      if (!unreadable.has(id)) onWarning(`${error.message}; it is tried again`);
      unreadable.add(id);
    },
  });

  const removal = createRecordRemoval({
    ...{ spool, journal, held, records, destinations: names, onWarning, onChange },
    arrivals: () => arrivals,
  });

  const lanes: Lane[] = names.map((name) =>
    createLane({
      name,
      settings: {
        from: source.store,
        secretKeys,
        skipSignedBy: config.skipSignedBy,
        buildLogs: config.buildLogs,
      },
      queue: config.queue,
      journal,
      originOf: source.originOf,
      open: (watcher) =>
        openDestination(destinations.get(name)!, {
          ...watcher,
          name,
          env,
          underWay,
          parallelPaths: config.queue.parallelPaths,
          budgetBytes: budgetBytes / names.length,
          stallTimeoutMs: options.stallTimeoutMs ?? 60_000,
          clock,
          onWarning,
        }),
      async readRecord(id) {
        const record = await records.read(id);
        if (record !== undefined && arrivals.has(id)) held.hold(record);
        return record;
      },
      isQueued: (id) => arrivals.has(id),
      clock,
      wallClock: Date.now,
      random: Math.random,
      onEvent,
      onSettled: removal.settled,
      onGone: noteGone,
      onChange,
    }),
  );

  const arrivals = createArrivals(spool, {
    onRecords(ids, fresh) {
      for (const lane of lanes) lane.offer(ids, fresh);
    },
    async onArrived(id) {
      const record = await records.read(id);
      if (record !== undefined) unreadable.delete(id);
      for (const path of record?.paths ?? []) {
        onEvent({ type: 'queued', path, tag: record!.tag });
        // What was settled before is to be looked at again, whatever the clock says.
        for (const name of names) if (isSettled(journal.get(path, name), record!)) journal.forget(path, name);
      }
      return record !== undefined;
    },
    async onLook() {
      removal.again();
      const applied = await applyCommands(journal, spool, names);
      for (const { error } of applied) if (error !== undefined) onWarning(error.message);
      if (applied.length === 0) return;
      for (const lane of lanes) lane.refresh();
      arrivals.offerAgain();
    },
    onLooked: onChange,
    onError: (error) => onWarning(`the queue cannot be looked through: ${messageOf(error)}`),
  });

  const saidGone = createKnownPaths(clock);
  function noteGone({ path, records }: WaitingPath): void {
    const sinceMs = Math.max(Date.now(), ...records.map(({ timeMs }) => timeMs));
    for (const destination of names)
      if (journal.get(path, destination)?.progress !== 'done')
        journal.set({ path, destination, progress: 'gone', attempts: 0, sinceMs });
    if (!saidGone.has(path)) onEvent({ type: 'gone', path });
    saidGone.add(path);
    for (const lane of lanes) lane.settle(path);
  }

  const status = createStatusFile(spool.directory, () => ({
    active: new Set(lanes.flatMap((lane) => lane.active())).size,
    destinations: lanes.map((lane) => ({
      uri: lane.name,
      state: lane.state,
      active: lane.active().length,
      ...(lane.lastError && { lastError: describeError(lane.lastError) }),
    })),
  }));

  function onChange(): void {
    status.update();
    const isQuiet = !removal.isBusy() && !arrivals.isLooking();
    const wasIdle = idle;
    idle = isQuiet && lanes.every((lane) => lane.isIdle());
    if (idle && !wasIdle && !stopped) onEvent({ type: 'idle' });
    if (options.once && isQuiet && lanes.every((lane) => lane.isDrained())) end();
  }

  let sweeping: Promise<void> | undefined;
  const sweep = (): void => {
    sweeping ??= spool
      .sweep({ signal })
      .catch((error: unknown) => {
        if (!signal.aborted) onWarning(`the queue cannot be swept: ${messageOf(error)}`);
      })
      .finally(() => {
        sweeping = undefined;
      });
  };
  const sweepTimer = setInterval(sweep, sweepEveryMs);
  const onAbort = (): void => end();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    if (signal.aborted) end();
    sweep();
    for (const lane of lanes) if (underWay.killedProcessIds(lane.name).length > 0) lane.clearUp();
    onEvent({ type: 'started', records: await arrivals.start() });
    onChange();
    await ended;
    stopped = true;
    onEvent({ type: 'stopping' });
  } finally {
    signal.removeEventListener('abort', onAbort);
    clearInterval(sweepTimer);
    await arrivals.stop();
    await stopLanes(lanes, config.queue.shutdownTimeoutMs);
    await removal.ended();
    await sweeping;
    await status.close();
    await underWay.close();
    // It was said already.
    await journal.close().catch(() => {});
    await source.store.close();
  }
  onEvent({ type: 'stopped' });
  const progress = [...journal.entries()].map((entry) => entry.progress);
  return {
    uploaded: lanes.reduce((sum, lane) => sum + lane.uploaded, 0),
    parked: progress.filter((one) => one === 'parked').length,
    waiting:
      Math.max(0, arrivals.pathCount() * names.length - progress.filter((one) => one !== 'waiting').length) +
      unreadable.size,
  };
}

/** `undefined` when the worker is to stop before there is one. */
async function findSource(
  { config, signal, env = process.env, once }: WorkerOptions,
  onWarning: (message: string) => void,
  clock: () => number,
): Promise<Source | undefined> {
  const { attempts, retryDelayMs: firstMs, retryDelayMaximumMs: maximumMs } = config.queue;
  const backOff = { firstMs, maximumMs: Math.min(maximumMs, longestWaitForSourceMs) };
  try {
    const tries = once ? attempts : Number.POSITIVE_INFINITY;
    return await awaitSource(config.from, { env, signal, onWarning }, clock, { tries, backOff });
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}

/** Let what is under way end; give it up in time to put it away. */
async function stopLanes(lanes: readonly Lane[], timeoutMs: number): Promise<void> {
  for (const lane of lanes) lane.stop();
  const abandonAfterMs = Math.max(timeoutMs - clearingMs, timeoutMs / 2);
  const abandoning = startTimer(() => {
    for (const lane of lanes) lane.abandon();
  }, abandonAfterMs);
  const stop = new AbortController();
  const timeIsUp = setTimeout(timeoutMs, undefined, stop).catch(() => {});
  await Promise.race([Promise.all(lanes.map((lane) => lane.ended())), timeIsUp]);
  clearTimeout(abandoning);
  stop.abort();
}
