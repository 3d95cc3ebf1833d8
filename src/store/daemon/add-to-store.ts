/**
 * Importing a path into the daemon's store.
 *
 * Source: Nix `src/libstore/remote-store.cc` (`addToStore`, `addMultipleToStore`) and `daemon.cc`.
 *
 * @module
 */
import type { AbortOptions } from '../../abort.ts';
import type { PathInfo } from '../../path-info.ts';
import { formatStorePath } from '../../store-path.ts';
import type { DaemonConnection } from './connection.ts';
import type { ConnectionPool } from './connection-pool.ts';
import { operation, since } from './protocol.ts';
import { sendFramed, sendWhenAsked } from './send-stream.ts';
import { writePathInfo } from './wire-values.ts';
import { WireWriter } from './wire-writer.ts';

/** How to import. */
export interface AddToStoreOptions extends AbortOptions {
  readonly storeDir: string;
  /** Also without a signature that the daemon trusts; it obeys only trusted users. */
  readonly dontCheckSigs: boolean;
}

/**
 * Import a path. The daemon checks hash, size and signatures; a path that it has already stays as it is.
 *
 * @param nar gives its last chunk when the NAR was found to be the right one.
 * @throws {@link DaemonRefusedError}, what the NAR's source throws: the path is not in the store then.
 */
export async function addToStore(
  pool: ConnectionPool,
  info: PathInfo,
  nar: AsyncIterable<Uint8Array>,
  options: AddToStoreOptions,
): Promise<void> {
  const path = formatStorePath(info.path, options.storeDir);
  const loan = await pool.lend(options);
  const { connection } = loan;
  let sourceFailure: { readonly error: unknown } | undefined;

  async function* source(): AsyncGenerator<Uint8Array> {
    try {
      yield* nar;
    } catch (error) {
      sourceFailure = { error };
      throw error;
    }
  }

  try {
    // Who built it is for the daemon to know, not for us to tell.
    const received = { ...info, ultimate: false };
    if (connection.protocolMinor >= since.addMultipleToStore)
      await addMultipleToStore(connection, received, source(), path, options);
    else await addToStoreNar(connection, received, source(), path, options);
    loan.end();
  } catch (error) {
    throw sourceFailure === undefined || options.signal?.aborted ? loan.explain(error) : sourceFailure.error;
  } finally {
    loan.drop();
  }
}

/** With the path info inside of the frames, the daemon survives one that it cannot read. */
async function addMultipleToStore(
  connection: DaemonConnection,
  info: PathInfo,
  nar: AsyncIterable<Uint8Array>,
  path: string,
  { storeDir, dontCheckSigs }: AddToStoreOptions,
): Promise<void> {
  async function* onePath(): AsyncGenerator<Uint8Array> {
    const head = new WireWriter().writeUint64(1);
    writePathInfo(head, info, storeDir);
    yield head.finish();
    yield* nar;
  }
  const request = new WireWriter();
  request.writeUint64(operation.addMultipleToStore).writeBoolean(false).writeBoolean(dontCheckSigs);
  await sendFramed(connection, request.finish(), onePath(), { path });
}

async function addToStoreNar(
  connection: DaemonConnection,
  info: PathInfo,
  nar: AsyncIterable<Uint8Array>,
  path: string,
  { storeDir, dontCheckSigs }: AddToStoreOptions,
): Promise<void> {
  const request = new WireWriter().writeUint64(operation.addToStoreNar);
  writePathInfo(request, info, storeDir);
  request.writeBoolean(false).writeBoolean(dontCheckSigs);
  const sendNar = connection.protocolMinor >= since.framedAddToStoreNar ? sendFramed : sendWhenAsked;
  await sendNar(connection, request.finish(), nar, { path });
}
