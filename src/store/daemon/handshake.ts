/**
 * The first words of client and daemon.
 *
 * Source: Nix `src/libstore/worker-protocol-connection.cc` (`handshake`, `postHandshake`).
 *
 * @module
 */
import { StoreError } from '../store-error.ts';
import type { DaemonAddress } from './daemon-error.ts';
import type { DaemonSocket } from './daemon-socket.ts';
import {
  clientMagic,
  daemonMagic,
  newestProtocolMinor,
  oldestProtocolMinor,
  protocolMajor,
  since,
} from './protocol.ts';
import { WireEndError, WireError } from './wire-error.ts';
import type { WireReader } from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

/** The daemon that is greeted. */
export interface HandshakeSettings extends DaemonAddress {
  /** Speak no newer version than 1.x. */
  readonly protocolMinor: number;
}

/** @returns the minor version that both sides speak. */
export async function shakeHands(
  socket: DaemonSocket,
  reader: WireReader,
  settings: HandshakeSettings,
): Promise<number> {
  const { uri, socketPath } = settings;
  const wanted = Math.min(settings.protocolMinor, newestProtocolMinor);
  const hello = new WireWriter().writeUint64(clientMagic).writeUint64((protocolMajor << 8) | wanted);
  await socket.write([hello.finish()]);
  if ((await readMagic(reader)) !== daemonMagic) throw new WireError('what listens there is no nix-daemon', 0);
  const version = await reader.readUint64();
  const [major, minor] = [Math.floor(version / 256), version % 256];
  if (major !== protocolMajor || minor < oldestProtocolMinor)
    throw new StoreError(
      'daemon-version',
      `nix-daemon at '${socketPath}' speaks version ${major}.${minor} of the worker protocol, and narkit 1.${oldestProtocolMinor} ` +
        `(Nix 2.3) to 1.${newestProtocolMinor}`,
      { uri },
    );
  const protocolMinor = Math.min(wanted, minor);
  if (protocolMinor >= since.featureExchange) {
    await socket.write([new WireWriter().writeUint64(0).finish()]); // no features: none concerns what narkit asks for
    await reader.readList(() => reader.readString());
  }
  // Once the CPU to run on and space to reserve.
  await socket.write([new WireWriter().writeUint64(0).writeUint64(0).finish()]);
  return protocolMinor;
}

/** @returns `undefined` for a number that is none of the protocol's. */
async function readMagic(reader: WireReader): Promise<number | undefined> {
  try {
    return await reader.readUint64();
  } catch (error) {
    if (error instanceof WireEndError || !(error instanceof WireError)) throw error;
    return undefined;
  }
}
