/**
 * No threads for small NARs where there is no Node.
 *
 * @module
 */
import type { NarDigester } from './nar-digester.ts';

/** None: NARs stream. */
export function createNarDigester(): NarDigester | undefined {
  return undefined;
}
