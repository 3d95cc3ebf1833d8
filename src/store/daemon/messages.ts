/**
 * What a daemon says before it answers: errors, log lines, and how its work goes.
 *
 * Source: Nix `src/libstore/worker-protocol-connection.cc` (`processStderrReturn`) and `src/libutil/serialise.cc` (`readError`).
 *
 * @module
 */
import { stripVTControlCharacters } from 'node:util';
import { message, since } from './protocol.ts';
import { WireError } from './wire-error.ts';
import type { WireReader } from './wire-reader.ts';

/** How much a daemon may say before it answers. */
const maximumMessageBytes = 64 * 1024 * 1024;

/** How a daemon's work goes. Numbers of types and levels are those of Nix's `logging.hh`; ids are the daemon's own. */
export type DaemonMessage =
  | { readonly type: 'log'; readonly text: string }
  | {
      readonly type: 'start-activity';
      readonly id: number;
      readonly parent: number;
      /** 0 is an error, 3 is information, 7 is everything. */
      readonly level: number;
      readonly activityType: number;
      readonly text: string;
      readonly fields: readonly (number | string)[];
    }
  | { readonly type: 'stop-activity'; readonly id: number }
  | {
      readonly type: 'result';
      readonly id: number;
      readonly resultType: number;
      readonly fields: readonly (number | string)[];
    };

/** An error of the daemon: what it was asked for is not done. */
export interface DaemonFailure {
  readonly text: string;
  /** 0 is an error; absent before 1.26. */
  readonly level?: number;
  /** What the daemon was doing, the innermost last. */
  readonly traces: readonly string[];
}

/** How {@link readMessages} reads. */
export interface ReadMessagesOptions {
  readonly protocolMinor: number;
  readonly onMessage?: ((message: DaemonMessage) => void) | undefined;
  /** The daemon wants up to so many bytes. */
  readonly onRead?: (length: number) => Promise<void>;
}

/**
 * Read what the daemon says until it answers.
 *
 * @returns its error when it does not answer; `undefined` when the answer follows.
 * @throws {@link WireError} when it says too much, or what the protocol does not have.
 */
export async function readMessages(
  reader: WireReader,
  options: ReadMessagesOptions,
): Promise<DaemonFailure | undefined> {
  const start = reader.offset;
  while (reader.offset - start < maximumMessageBytes) {
    const { offset } = reader;
    const kind = await reader.readUint64();
    if (kind === message.last) return undefined;
    if (kind === message.error) return readFailure(reader, options.protocolMinor);
    if (kind === message.read && options.onRead) await options.onRead(await reader.readUint64());
    else {
      const told = await readMessage(kind, reader, offset);
      options.onMessage?.(told);
    }
  }
  throw new WireError(`more than ${maximumMessageBytes} bytes of messages and no answer`, reader.offset);
}

/** What follows `message.error`. */
export async function readFailure(reader: WireReader, protocolMinor: number): Promise<DaemonFailure> {
  if (protocolMinor < since.structuredError) {
    const text = await reader.readText();
    await reader.readUint64(); // an exit code
    return { text: plainError(text), traces: [] };
  }
  const { offset } = reader;
  const type = await reader.readString();
  if (type !== 'Error') throw new WireError(`an error of type '${type}'`, offset);
  const level = await reader.readUint64();
  await reader.readText(); // a name that is always "Error"
  const text = plainError(await reader.readText());
  await readNoPosition(reader);
  const traces = await reader.readList(async () => {
    await readNoPosition(reader);
    return plainText(await reader.readText());
  });
  return { text, level, traces };
}

async function readMessage(kind: number, reader: WireReader, offset: number): Promise<DaemonMessage> {
  switch (kind) {
    case message.log:
      return { type: 'log', text: plainText(await reader.readText()) };
    case message.startActivity: {
      const id = await reader.readUint64();
      const level = await reader.readUint64();
      const activityType = await reader.readUint64();
      const text = plainText(await reader.readText());
      const fields = await readFields(reader);
      const parent = await reader.readUint64();
      return { type: 'start-activity', id, parent, level, activityType, text, fields };
    }
    case message.stopActivity:
      return { type: 'stop-activity', id: await reader.readUint64() };
    case message.result: {
      const id = await reader.readUint64();
      const resultType = await reader.readUint64();
      return { type: 'result', id, resultType, fields: await readFields(reader) };
    }
    default:
      throw new WireError(`an unknown message 0x${kind.toString(16)}`, offset);
  }
}

function readFields(reader: WireReader): Promise<(number | string)[]> {
  return reader.readList(async () => {
    const { offset } = reader;
    const type = await reader.readUint64();
    if (type === 0) return reader.readUint64();
    if (type === 1) return plainText(await reader.readText());
    throw new WireError(`a field of unknown type ${type}`, offset);
  });
}

/** The place in a Nix expression: no Nix ever sent one. */
async function readNoPosition(reader: WireReader): Promise<void> {
  const { offset } = reader;
  if ((await reader.readUint64()) !== 0) throw new WireError('a position in an error', offset);
}

/** Without the word that old daemons put in front. */
function plainError(text: string): string {
  return plainText(text).replace(/^error:\s+/, '');
}

/** Without colours and the end of the line. */
function plainText(text: string): string {
  return stripVTControlCharacters(text).trimEnd();
}
