/**
 * The conformance suite: what every backend does, as named cases for any test runner.
 *
 * @example
 * ```ts
 * import { backendConformanceCases } from 'narkit/backend/conformance';
 * import { describe, it } from 'vitest'; // or node:test, mocha, jest, …
 *
 * describe('my backend', () => {
 *   const backend = createMyBackend();
 *   for (const { name, run } of backendConformanceCases) it(name, () => run({ backend }));
 * });
 * ```
 *
 * @module
 */
import { abortCases } from './aborts.ts';
import type { ConformanceCase } from './case.ts';
import { keyCases } from './keys.ts';
import { listingCases } from './listing.ts';
import { objectCases } from './objects.ts';
import { rangeCases } from './ranges.ts';
import { stagingCases } from './staging.ts';
import { streamCases } from './streams.ts';

/** All cases. Those on `list` and `stage` pass at once for a backend that leaves the method out. */
export const backendConformanceCases: readonly ConformanceCase[] = [
  ...objectCases,
  ...keyCases,
  ...rangeCases,
  ...streamCases,
  ...abortCases,
  ...listingCases,
  ...stagingCases,
];

export { type ConformanceCase, type ConformanceContext, ConformanceError } from './case.ts';
