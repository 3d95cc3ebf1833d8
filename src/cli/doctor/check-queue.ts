/**
 * Can the hook write down what was built, and is somebody there who uploads it?
 *
 * @module
 */
import { access, constants, readdir, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { NarkitConfig } from '../../config/index.ts';
import { messageOf } from '../../errors.ts';
import { defaultGcRootsDirectory, openSpool, readQueueStatus } from '../../queue/index.ts';
import { type CheckContext, type Finding, failed, ok, warning } from './finding.ts';

/** Less than this is called little. */
const littleSpaceBytes = 64 * 1024 * 1024;
/** The magic numbers of file systems that lie in memory (linux/magic.h): tmpfs, ramfs. */
const memoryFileSystems = [0x01021994, 0x858458f6];
/** What waits for longer is worth a look. */
const oldSeconds = 60 * 60;

/** The directory of the queue, what waits in it, and the worker. */
export async function* checkQueue(config: NarkitConfig, { env }: CheckContext): AsyncGenerator<Finding> {
  if (config.mode === 'direct') {
    yield ok('queue', "mode = 'direct': nothing is queued, and builds wait for the upload");
    return;
  }
  const { directory, gcRoots } = config.queue;
  try {
    const spool = await openSpool(directory, { gcRootsDirectory: gcRoots });
    for (const name of ['', 'incoming', 'tmp']) await access(join(directory, name), constants.W_OK | constants.X_OK);
    yield* checkPlace(directory);
    const status = await readQueueStatus(spool, config);
    yield status.worker.running
      ? ok('queue', `'${directory}': ${status.waiting} paths wait, a worker runs (process ${status.worker.pid})`)
      : warning(
          'queue',
          `'${directory}': ${status.waiting} paths wait, and no worker runs`,
          "run 'systemctl enable --now narkit-worker', or 'narkit worker'",
        );
    if ((status.oldestSeconds ?? 0) > oldSeconds)
      yield warning('queue', `what waits longest waits for ${status.oldestSeconds} s`, "see 'narkit queue list'");
    if (status.parked > 0)
      yield warning(
        'queue',
        `${status.parked} paths are parked: they failed too often`,
        "see 'narkit queue list --parked', then 'narkit queue retry' or 'drop'",
      );
    if (status.damaged > 0)
      yield warning(
        'queue',
        `${status.damaged} records could not be read`,
        `look into '${join(directory, 'damaged')}', queue what they name with 'narkit queue add', and remove them`,
      );
  } catch (error) {
    yield failed('queue', messageOf(error), `make '${directory}', writable for the hook and the worker`);
  }
  if (gcRoots === false)
    yield warning('gc-roots', 'gc-roots = false: what waits can be collected before it is uploaded');
  else yield await checkGcRoots(gcRoots ?? defaultGcRootsDirectory(env));
}

async function* checkPlace(directory: string): AsyncGenerator<Finding> {
  const { type, bavail, bsize, ffree, files } = await statfs(directory);
  if (memoryFileSystems.includes(type))
    yield warning('queue', `'${directory}' lies in memory: what waits is lost when the machine stops`, 'use a disk');
  const freeBytes = bavail * bsize;
  if (freeBytes < littleSpaceBytes || (files > 0 && ffree < 1000))
    yield warning(
      'queue',
      `the disk of '${directory}' is nearly full (${freeBytes} bytes, ${ffree} files)`,
      'make room',
    );
  const { mode } = await stat(directory);
  if ((mode & 0o002) !== 0)
    yield warning('queue', `everybody can write into '${directory}'`, `run 'chmod o-w ${directory}'`);
}

/** The directory itself, or the nearest above it that is there, must be writable. */
async function checkGcRoots(directory: string): Promise<Finding> {
  const advice = `let the hook and the worker write into '${directory}', or set 'gc-roots' in [queue]`;
  for (let place = directory; ; place = dirname(place)) {
    try {
      await readdir(place);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT' && place !== dirname(place)) continue;
      return failed('gc-roots', messageOf(error), advice);
    }
    // A state directory that is not there is no Nix's.
    if (!directory.startsWith(place) || !place.includes('gcroots'))
      return failed(
        'gc-roots',
        `there is no '${dirname(directory)}': nothing keeps what waits from being collected`,
        advice,
      );
    try {
      await access(place, constants.W_OK);
      return ok('gc-roots', `what waits is kept by roots in '${directory}'`);
    } catch (error) {
      return failed('gc-roots', `what waits can be collected: ${messageOf(error)}`, advice);
    }
  }
}
