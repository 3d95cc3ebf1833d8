/**
 * Verifying stores, and repairing binary caches.
 *
 * @module
 */
export {
  type VerifyFinding,
  type VerifyFindingKind,
  type VerifySeverity,
  type VerifySummary,
  verifyExitCode,
} from './finding.ts';
export type { VerifyEvent, VerifyOptions } from './options.ts';
export { quarantineFolderOf } from './quarantine.ts';
export type { RepairSource } from './repair.ts';
export type { TrustPolicy } from './trust.ts';
export { type Verification, verifyStore } from './verify-store.ts';
