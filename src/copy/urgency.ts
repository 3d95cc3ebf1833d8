/**
 * Which NARs go first.
 *
 * @module
 */
import type { PathInfo } from '../path-info.ts';
import type { StorePath } from '../store-path.ts';

/** What a connection carries while an answer is waited for, about: 10 MB/s with 100 ms. */
const bytesPerStep = 1024 * 1024;

/**
 * The paths in the order in which their NARs had better go, so that all are visible soonest: each path becomes visible a step behind its
 * references, so a path with a long chain of referrers is as urgent as a large one.
 *
 * @param order references before referrers.
 */
export function sortByUrgency(order: readonly PathInfo[]): PathInfo[] {
  const stepsBehind = new Map<StorePath, number>();
  for (const { path, references } of order.toReversed()) {
    const steps = (stepsBehind.get(path) ?? 0) + 1;
    for (const reference of references)
      if (reference !== path && steps > (stepsBehind.get(reference) ?? 0)) stepsBehind.set(reference, steps);
  }
  return order
    .map((info) => ({ info, urgency: info.narSize + (stepsBehind.get(info.path) ?? 0) * bytesPerStep }))
    .sort((left, right) => right.urgency - left.urgency)
    .map(({ info }) => info);
}
