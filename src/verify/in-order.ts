/**
 * Many things at a time, their results in the order of the things.
 *
 * @module
 */

/**
 * Run a task for each item, so many at a time, and yield what they bring.
 *
 * The first failure is thrown. When it ends early, for a failure or because the consumer has enough, `stop` is called, and tasks that run
 * are waited for.
 */
export async function* runInOrder<Item, Result>(
  items: Iterable<Item> | AsyncIterable<Item>,
  concurrency: number,
  task: (item: Item) => Promise<Result>,
  stop: () => void,
): AsyncGenerator<Result> {
  const running: Promise<Result>[] = [];
  let isDone = false;
  try {
    for await (const item of items) {
      const result = task(item);
      // Whoever awaits it learns of its failure; until then nobody does.
      result.catch(() => undefined);
      running.push(result);
      if (running.length >= concurrency) yield await running.shift()!;
    }
    while (running.length > 0) yield await running.shift()!;
    isDone = true;
  } finally {
    if (!isDone) stop();
    await Promise.allSettled(running);
  }
}
