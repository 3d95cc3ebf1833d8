/**
 * A digest over slots of memory that are filled in turn: here, or in a thread of its own while this one reads on.
 *
 * @module
 */
import { createHash, type Hash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { ReadAhead } from './read-ahead.ts';
import type { OpenFile } from './walk.ts';

/** Bytes of a slot. */
export const slotSize: number = 128 * 1024;

/** All of them fit into the cache of a core: what was read is hashed from there. */
const slotCount = 8;

/** What both threads count: slots filled, slots hashed. The length of what is in each slot follows. */
const filledCount = 0;
const hashedCount = 1;
const firstLength = 2;

/** The longest time that this thread waits for the other before it lets timers run. */
const sliceMs = 10;

/** The other thread: hashes slots in turn as they are filled; an empty one ends it. */
const program = `
const { parentPort, workerData: { algorithm, counters, memory } } = require('node:worker_threads');
const hash = require('node:crypto').createHash(algorithm);
for (let turn = 0; ; turn++) {
  // The notification of the slot before may come only now: what counts is the count.
  while (Atomics.load(counters, ${filledCount}) === turn) Atomics.wait(counters, ${filledCount}, turn);
  const slot = turn % ${slotCount};
  const length = Atomics.load(counters, ${firstLength} + slot);
  if (length === 0) break;
  hash.update(new Uint8Array(memory, slot * ${slotSize}, length));
  Atomics.store(counters, ${hashedCount}, turn + 1);
  Atomics.notify(counters, ${hashedCount});
}
parentPort.postMessage(hash.digest());
`;

/** The digest. Close it, whatever happens. */
export class HashSlots {
  readonly #algorithm: string;
  readonly #memory = new SharedArrayBuffer(slotCount * slotSize);
  readonly #counters = new Int32Array(new SharedArrayBuffer((firstLength + slotCount) * 4));
  #allocated = 0;
  #filled = 0;
  /** Who hashes: nobody knows before all slots are filled for the first time. */
  #hash: Hash | undefined;
  #ahead: ReadAhead | undefined;
  #worker: Worker | undefined;
  #digest: Promise<Uint8Array> | undefined;
  #failure: unknown;

  /** @param algorithm Node's name of it */
  constructor(algorithm: string) {
    this.#algorithm = algorithm;
  }

  /** The memory of the slot that comes after those given before. */
  nextSlot(): Uint8Array<SharedArrayBuffer> {
    return new Uint8Array(this.#memory, (this.#allocated++ % slotCount) * slotSize, slotSize);
  }

  /** The next slot in turn holds this many bytes now. */
  fill(length: number): void {
    Atomics.store(this.#counters, firstLength + (this.#filled % slotCount), length);
    Atomics.store(this.#counters, filledCount, ++this.#filled);
    Atomics.notify(this.#counters, filledCount);
  }

  /**
   * Wait until this many slots are free beside the one that is being filled.
   *
   * @param inThread should a thread hash, if that is not settled yet?
   */
  async room(wanted: number, inThread: boolean): Promise<void> {
    if (this.#hash === undefined ? this.#isFree(wanted) : this.#hashed === this.#filled) return;
    if (this.#hash === undefined && inThread) this.#digest ??= this.#start();
    if (this.#digest === undefined) await this.#hashHere();
    else await this.#hashedElsewhere(wanted);
  }

  /**
   * Are large files read ahead? So they are where this thread hashes: what another one hashes this one has time to read.
   *
   * @param inThread should a thread hash, if that is not settled yet?
   */
  async readsAhead(inThread: boolean): Promise<boolean> {
    if (this.#digest !== undefined || (this.#hash === undefined && inThread)) return false;
    if (this.#ahead === undefined || this.#hashed < this.#filled) await this.#hashHere();
    return true;
  }

  /** Hash `before` and the contents of a file behind it, some time later. */
  async readAhead(before: Uint8Array, file: OpenFile, signal: AbortSignal | undefined): Promise<void> {
    await this.#ahead!.add(before, file, signal);
  }

  /** The digest of all that was filled. */
  async digest(): Promise<Uint8Array> {
    if (this.#digest === undefined) return new Uint8Array((await this.#hashHere()).digest());
    await this.#hashedElsewhere(1);
    this.fill(0);
    return this.#digest;
  }

  async close(): Promise<void> {
    await this.#ahead?.close();
    await this.#worker?.terminate();
  }

  #isFree(wanted: number): boolean {
    return this.#filled - this.#hashed + 1 + wanted <= slotCount;
  }

  get #hashed(): number {
    return Atomics.load(this.#counters, hashedCount);
  }

  /** Hash what waits. */
  async #hashHere(): Promise<Hash> {
    this.#hash ??= createHash(this.#algorithm);
    this.#ahead ??= new ReadAhead(this.#hash);
    await this.#ahead.finish();
    for (let turn = this.#hashed; turn < this.#filled; turn++) {
      const slot = turn % slotCount;
      this.#hash.update(new Uint8Array(this.#memory, slot * slotSize, this.#counters[firstLength + slot]));
    }
    this.#counters[hashedCount] = this.#filled;
    return this.#hash;
  }

  async #hashedElsewhere(wanted: number): Promise<void> {
    let sliceEnd = performance.now() + sliceMs;
    while (!this.#isFree(wanted)) {
      if (this.#failure !== undefined) throw this.#failure;
      Atomics.wait(this.#counters, hashedCount, Atomics.load(this.#counters, hashedCount), 1);
      if (performance.now() < sliceEnd) continue;
      await setImmediate();
      sliceEnd = performance.now() + sliceMs;
    }
  }

  #start(): Promise<Uint8Array> {
    const workerData = { algorithm: this.#algorithm, counters: this.#counters, memory: this.#memory };
    const worker = new Worker(program, { eval: true, execArgv: [], workerData });
    this.#worker = worker;
    const digest = new Promise<Uint8Array>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
      worker.once('exit', () => reject(new Error('the hashing thread ended without a digest')));
    });
    digest.catch((error: unknown) => {
      this.#failure = error;
    });
    return digest;
  }
}
