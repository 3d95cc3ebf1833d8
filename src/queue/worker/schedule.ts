/**
 * What is to be done later, by a clock that only goes forward.
 *
 * @module
 */

/** Items, each with the time from which on it is due. */
export interface Schedule<Item> {
  readonly size: number;
  add(item: Item, dueMs: number): void;
  /** The item that is due for longest, taken out; `undefined` when none is. */
  takeDue(nowMs: number): Item | undefined;
  /** When the next is due. */
  nextDueMs(): number | undefined;
  /** All, due or not, taken out. */
  takeAll(): Item[];
}

/** An empty schedule: a binary heap, for there may be a hundred thousand items. */
export function createSchedule<Item>(): Schedule<Item> {
  let heap: { readonly item: Item; readonly dueMs: number }[] = [];
  const dueAt = (index: number): number => heap[index]?.dueMs ?? Number.POSITIVE_INFINITY;

  function swap(left: number, right: number): void {
    const entry = heap[left]!;
    heap[left] = heap[right]!;
    heap[right] = entry;
  }

  function rise(start: number): void {
    for (let index = start; index > 0; ) {
      const parent = (index - 1) >> 1;
      if (dueAt(parent) <= dueAt(index)) return;
      swap(parent, index);
      index = parent;
    }
  }

  function sink(): void {
    for (let index = 0; ; ) {
      const left = 2 * index + 1;
      const child = dueAt(left + 1) < dueAt(left) ? left + 1 : left;
      if (dueAt(index) <= dueAt(child)) return;
      swap(index, child);
      index = child;
    }
  }

  return {
    get size() {
      return heap.length;
    },
    add(item, dueMs) {
      heap.push({ item, dueMs });
      rise(heap.length - 1);
    },
    takeDue(nowMs) {
      const first = heap[0];
      if (first === undefined || first.dueMs > nowMs) return undefined;
      const last = heap.pop()!;
      if (heap.length > 0) {
        heap[0] = last;
        sink();
      }
      return first.item;
    },
    nextDueMs: () => heap[0]?.dueMs,
    takeAll() {
      const all = heap.map(({ item }) => item);
      heap = [];
      return all;
    },
  };
}
