/**
 * Many path infos over one connection: requests go out before the answers to earlier ones are here.
 *
 * @module
 */
import { messageOf } from '../../errors.ts';
import type { PathInfo } from '../../path-info.ts';
import { formatStorePath, type StorePath } from '../../store-path.ts';
import { StoreError } from '../store-error.ts';
import type { DaemonConnection } from './connection.ts';
import { DaemonRefusedError } from './daemon-error.ts';
import { operation } from './protocol.ts';
import { readUnkeyedPathInfo } from './wire-values.ts';

/** So few that they fit into the socket: a daemon that waits for us to read never waits for us to have written. */
const maximumRequestsUnderWay = 256;

/**
 * Ask for path infos.
 *
 * @param onError told of a path that the daemon has an error for, or an info that makes no sense; without it the first such error is
 *   thrown, after the answers that are under way have been read.
 */
export async function queryPathInfos(
  connection: DaemonConnection,
  paths: Iterable<StorePath>,
  storeDir: string,
  onError?: (path: StorePath, error: unknown) => void,
): Promise<Map<StorePath, PathInfo>> {
  const infos = new Map<StorePath, PathInfo>();
  const asked: StorePath[] = [];
  const rest = [...new Set(paths)].reverse();
  let failure: { readonly error: unknown } | undefined;
  let refusal: unknown;

  async function ask(): Promise<void> {
    await connection.send((writer) => {
      while (asked.length < maximumRequestsUnderWay && rest.length > 0) {
        const path = rest.pop()!;
        asked.push(path);
        writer.writeUint64(operation.queryPathInfo).writeString(formatStorePath(path, storeDir));
      }
    });
  }

  while (true) {
    if (asked.length <= maximumRequestsUnderWay / 2 && rest.length > 0 && failure === undefined) await ask();
    const path = asked.shift();
    if (path === undefined) break;
    try {
      const info = await readPathInfoAnswer(connection, path, storeDir);
      if (info !== undefined) infos.set(path, info);
      refusal = undefined;
    } catch (error) {
      // A daemon that refuses and hangs up has said why.
      if (!isAboutOnePath(error)) throw refusal ?? error;
      refusal = error;
      if (onError !== undefined) onError(path, error);
      else failure ??= { error };
    }
  }
  if (failure !== undefined) throw failure.error;
  return infos;
}

/** @throws {@link StoreError} `path-info` or {@link DaemonRefusedError}, after which the next answer can be read. */
async function readPathInfoAnswer(
  connection: DaemonConnection,
  path: StorePath,
  storeDir: string,
): Promise<PathInfo | undefined> {
  const full = formatStorePath(path, storeDir);
  await connection.readReply({ path: full });
  if (!(await connection.reader.readBoolean())) return undefined;
  const parse = await readUnkeyedPathInfo(connection.reader, storeDir);
  try {
    return { path, ...parse() };
  } catch (error) {
    const { uri } = connection.settings;
    throw new StoreError('path-info', `the path info of '${full}' from '${uri}' makes no sense: ${messageOf(error)}`, {
      uri,
      path: full,
      cause: error,
    });
  }
}

function isAboutOnePath(error: unknown): boolean {
  return error instanceof DaemonRefusedError || (error instanceof StoreError && error.code === 'path-info');
}
