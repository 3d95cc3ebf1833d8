/**
 * All rows, in the order in which they are shown.
 *
 * @module
 */
import type { Row } from '../row.ts';
import { hashPathRows } from './hash-path.ts';

export const rows: readonly Row[] = [...hashPathRows];
