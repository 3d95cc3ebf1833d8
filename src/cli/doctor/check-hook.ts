/**
 * Does Nix call the hook?
 *
 * @module
 */
import { access, constants, open, realpath } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { readNixSettings } from '../../config/index.ts';
import { messageOf } from '../../errors.ts';
import { type CheckContext, type Finding, failed, ok, warning } from './finding.ts';

/** Where a service of systemd looks for programs unless it is told otherwise. */
const servicePath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const own = join(createRequire(import.meta.url).resolve('narkit/package.json'), '../dist/bin/narkit-hook.cjs');

/** The setting `post-build-hook`, and the program that it names. */
export async function* checkHook({ env, signal }: CheckContext): AsyncGenerator<Finding> {
  const advice = `write 'post-build-hook = ${own}' into ${join(env.NIX_CONF_DIR || '/etc/nix', 'nix.conf')}, and restart nix-daemon`;
  let program: string | undefined;
  try {
    program = (await readNixSettings({ env, signal })).get('post-build-hook');
    // The files of a user, and NIX_CONFIG, are read by that user's Nix alone.
    const system = await readNixSettings({ env: { ...env, NIX_USER_CONF_FILES: '', NIX_CONFIG: undefined }, signal });
    if (program && !system.get('post-build-hook'))
      yield warning(
        'hook',
        'nix-daemon does not read where post-build-hook is set: only builds without it call the hook',
        advice,
      );
  } catch (error) {
    signal.throwIfAborted();
    yield failed('hook', messageOf(error), 'correct nix.conf');
    return;
  }
  if (!program) yield failed('hook', 'nix.conf names no post-build-hook', advice);
  else yield* checkProgram(program, advice);
}

async function* checkProgram(program: string, advice: string): AsyncGenerator<Finding> {
  try {
    await access(program, constants.X_OK);
  } catch (error) {
    yield failed('hook', `nix.conf names a post-build-hook that cannot be run: ${messageOf(error)}`, advice);
    return;
  }
  if (!/^narkit-hook(\.[cm]?js)?$/.test(basename(await realpath(program)))) {
    yield warning('hook', `nix.conf names another post-build-hook: '${program}'`, advice);
    return;
  }
  if (await needsNodeFromPath(program))
    yield warning(
      'hook',
      `'${program}' starts the 'node' of the PATH, and there is none in that of a service (${servicePath})`,
      "link node into /usr/local/bin, or set PATH in a drop-in: 'systemctl edit nix-daemon'",
    );
  yield ok('hook', `nix.conf names '${program}'`);
}

async function needsNodeFromPath(program: string): Promise<boolean> {
  const file = await open(program);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(128), 0, 128, 0);
    if (!/^#!\s*\S*\/env\s+node\s/.test(buffer.toString('latin1', 0, bytesRead))) return false;
  } finally {
    await file.close();
  }
  for (const directory of servicePath.split(':')) {
    const isThere = await access(join(directory, 'node'), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return false;
  }
  return true;
}
