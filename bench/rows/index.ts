/**
 * All rows, in the order in which they are shown.
 *
 * @module
 */
import type { Row } from '../row.ts';
import { copyFromFileRows } from './copy-from-file.ts';
import { copyToFileRows } from './copy-to-file.ts';
import { copyToNginxRows } from './copy-to-nginx.ts';
import { copyToS3Rows } from './copy-to-s3.ts';
import { hashPathRows } from './hash-path.ts';
import { hookRows } from './hook.ts';
import { pathInfoRows } from './path-info.ts';
import { verifyRows } from './verify.ts';

export const rows: readonly Row[] = [
  ...hashPathRows,
  ...copyToFileRows,
  ...copyToNginxRows,
  ...copyToS3Rows,
  ...copyFromFileRows,
  ...verifyRows,
  ...hookRows,
  ...pathInfoRows,
];
