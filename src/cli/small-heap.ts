/**
 * Keeping V8's heap near what is in use.
 *
 * @module
 */
import { setFlagsFromString } from 'node:v8';

/**
 * For a process that stays. On a machine with much memory V8 lets garbage grow to several times what is in use before it collects, and
 * takes up to 128 MB for what is young: with these two flags a worker that has 100,000 records, 40 MB of objects, takes 150 MB in place of
 * 200 on Node 20, and 160 in place of 250 on Node 24. To be called early: what has grown stays.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--heap-growing-percent=30');
  setFlagsFromString('--semi-space-growth-factor=1');
}
