import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isNarkitError } from '../../../src/errors.ts';
import { startNixDaemon } from '../../peers/nix-daemon.ts';
import { describeNix } from '../../peers/peers.ts';
import {
  holdSession,
  type Recording,
  readRecording,
  record,
  recordingFile,
  recordings,
  replay,
} from './conversation.ts';

const expression = `
  let
    make = name: script: derivation {
      inherit name; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" script ];
    };
    first = make "first" "echo hello > $out";
  in make "second" "echo \${first} > $out"`;

describeNix(
  'a conversation with a real daemon, at /nix/store',
  (nix) => {
    test.each(recordings.filter(({ nixVersion }) => nixVersion === nix.version))(
      'is the same when it is played back: $name',
      async ({ name, protocolMinor }) => {
        const daemon = await startNixDaemon(nix, { atNixStore: true, settings: { 'trusted-users': '*' } });
        try {
          const [second] = await daemon.build(expression);
          const { stdout } = await daemon.run('nix-store', ['--query', '--requisites', second!]);
          const paths = stdout.toString().trim().split('\n').map((path) => basename(path)); // biome-ignore format: a pipeline
          const talk = (socketPath: string): Promise<unknown> => holdSession(socketPath, paths, { protocolMinor });
          const recorded = await record(daemon.socketPath, talk);
          expect(await replay(recorded, talk)).toEqual(recorded.result);
          if (process.env.NARKIT_RECORD !== undefined) keep({ name, protocolMinor, paths, ...recorded });
        } finally {
          await daemon.stop();
        }
      },
    );
  },
  ['root'],
);

function keep(recording: Recording): void {
  const file = recordingFile(recording.name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(recording, null, 2)}\n`);
}

describe.each(recordings)('the daemon of $name, as recorded', ({ name }) => {
  const recording = readRecording(name);
  const talk = (socketPath: string, silenceTimeoutMs?: number): Promise<unknown> =>
    holdSession(socketPath, recording.paths, { protocolMinor: recording.protocolMinor, silenceTimeoutMs });

  test('says what it said', async () => {
    expect(await replay(recording, (socketPath) => talk(socketPath))).toEqual(recording.result);
  });

  // The oldest protocol and the newest have between them all that the others have.
  if (name !== recordings.at(0)!.name && name !== recordings.at(-1)!.name) return;

  /** Each byte that the daemon said: its connection, and its offset there. */
  const everyByte = recording.connections.flatMap((turns, connection) => {
    const length = turns.reduce((sum, { daemon }) => sum + Buffer.from(daemon, 'base64').length, 0);
    return Array.from({ length }, (_, offset) => ({ connection, offset }));
  });

  test('cut off at any byte, it is a clear error', async () => {
    await forEach(everyByte, async ({ connection, offset }) => {
      const outcome = replay(
        recording,
        (socketPath) => talk(socketPath),
        (bytes, inConnection, start) =>
          inConnection === connection && start + bytes.length > offset ? bytes.subarray(0, offset - start) : bytes,
      );
      await expect(outcome).rejects.toMatchObject({ code: 'daemon-disconnected' });
    });
  });

  test('with any byte changed, it is an error or another answer', async () => {
    await forEach(everyByte, async ({ connection, offset }) => {
      const change = (bytes: Buffer, inConnection: number, start: number): Buffer => {
        const changed = Buffer.from(bytes);
        if (inConnection === connection && offset >= start && offset < start + bytes.length)
          changed[offset - start]! ^= [0x01, 0x80, 0xff][offset % 3]!;
        return changed;
      };
      // Who is told of more than there is waits for it.
      const outcome = await replay(recording, (socketPath) => talk(socketPath, 20), change).catch((error) => error);
      if (outcome instanceof Error) expect(isNarkitError(outcome), String(outcome.stack)).toBe(true);
    });
  });
});

/** Many at a time: most of them wait. */
async function forEach<T>(items: readonly T[], body: (item: T) => Promise<void>): Promise<void> {
  const rest = [...items];
  const worker = async (): Promise<void> => {
    for (let item = rest.pop(); item !== undefined; item = rest.pop()) await body(item);
  };
  await Promise.all(Array.from({ length: 64 }, worker));
}
