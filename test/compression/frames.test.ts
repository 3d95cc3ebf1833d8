import { expect, test } from 'vitest';
import { createFrameBudget, cutFrames, encodeAhead } from '../../src/compression/frames.ts';
import { chunksOf, sampleBytes } from './streams.ts';

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items = [];
  for await (const item of stream) items.push(item);
  return items;
}

test.each([
  [0, []],
  [1, [1]],
  [9, [9]],
  [10, [10]],
  [11, [10, 1]],
  [30, [10, 10, 10]],
])('%i bytes are cut into frames of 10', async (size, sizes) => {
  for (const chunkSize of [1, 3, 10, 25, 100]) {
    const frames = await all(cutFrames(chunksOf(sampleBytes(size), chunkSize), 10));
    expect(frames.map(({ length }) => length)).toEqual(sizes);
    expect(frames.every(({ length, buffer }) => buffer.byteLength === length)).toBe(true);
    expect(frames.flatMap((frame) => [...frame])).toEqual([...sampleBytes(size)]);
  }
});

test('a chunk that is a frame is not copied, unless its memory is to be given away', async () => {
  const chunks = [3, 7, 10, 5, 10].map((length) => new Uint8Array(length).fill(length));
  async function* source(): AsyncGenerator<Uint8Array> {
    yield* chunks;
  }
  const frames = await all(cutFrames(source(), 10, false));
  const copies = await all(cutFrames(source(), 10));
  expect(frames).toEqual(copies);
  expect(frames.map((frame) => chunks.includes(frame))).toEqual([false, true, false, false]);
  expect(copies.some((frame) => chunks.includes(frame))).toBe(false);
});

/** An encoder whose jobs end when they are told to. */
function controlled(): {
  readonly running: Map<number, () => void>;
  readonly signals: AbortSignal[];
  encode(frame: Uint8Array, signal: AbortSignal): Promise<number>;
} {
  const running = new Map<number, () => void>();
  const signals: AbortSignal[] = [];
  return {
    running,
    signals,
    encode(frame, signal) {
      signals.push(signal);
      const number = frame[0]!;
      return new Promise((resolve) => running.set(number, () => resolve(number)));
    },
  };
}

const numbered = (count: number) => cutFrames(chunksOf(Uint8Array.from({ length: count }, (_, index) => index)), 1);
const turn = () => new Promise((resolve) => setTimeout(resolve, 1));

test('as many frames are under way as the budget has places, and one more', async () => {
  const encoder = controlled();
  const budget = createFrameBudget(2);
  const encoded = encodeAhead(numbered(10), encoder.encode, budget);
  const first = encoded.next();
  await turn();
  expect([...encoder.running.keys()]).toEqual([0, 1, 2]);

  // Another stream still gets on, one frame at a time.
  const other = encodeAhead(numbered(10), async (frame) => frame[0]!, budget);
  expect(await other.next()).toEqual({ done: false, value: 0 });
  expect(await other.next()).toEqual({ done: false, value: 1 });
  await other.return(undefined);

  encoder.running.get(2)!();
  encoder.running.get(1)!();
  encoder.running.get(0)!();
  expect(await first).toEqual({ done: false, value: 0 });
  await encoded.return(undefined);
  await turn();
  expect([budget.tryTake(), budget.tryTake(), budget.tryTake()]).toEqual([true, true, false]);
});

test('frames come in their order, however long each takes', async () => {
  const encode = async (frame: Uint8Array): Promise<number> => {
    await new Promise((resolve) => setTimeout(resolve, frame[0]! % 3));
    return frame[0]!;
  };
  const budget = createFrameBudget(5);
  expect(await all(encodeAhead(numbered(20), encode, budget))).toEqual(Array.from({ length: 20 }, (_, index) => index));
  for (let place = 0; place < 5; place++) expect(budget.tryTake()).toBe(true);
});

test('a frame that fails is thrown in its turn, and gives the places back', async () => {
  const error = new Error('no memory');
  const encode = async (frame: Uint8Array): Promise<number> => {
    if (frame[0]! >= 2) throw error;
    return frame[0]!;
  };
  const budget = createFrameBudget(3);
  const encoded = encodeAhead(numbered(10), encode, budget);
  expect(await encoded.next()).toEqual({ done: false, value: 0 });
  expect(await encoded.next()).toEqual({ done: false, value: 1 });
  await expect(encoded.next()).rejects.toBe(error);
  await turn();
  expect([0, 1, 2, 3].map(() => budget.tryTake())).toEqual([true, true, true, false]);
});

test('who leaves early lets the work that has not begun be dropped', async () => {
  const encoder = controlled();
  const budget = createFrameBudget(3);
  const encoded = encodeAhead(numbered(10), encoder.encode, budget);
  const first = encoded.next();
  await turn();
  encoder.running.get(0)!();
  await first;
  await encoded.return(undefined);
  expect(encoder.signals.every(({ aborted }) => aborted)).toBe(true);
  for (const end of encoder.running.values()) end();
  await turn();
  expect([0, 1, 2, 3].map(() => budget.tryTake())).toEqual([true, true, true, false]);
});
