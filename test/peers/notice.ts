/**
 * Says once, before the first suite, which peers are missing.
 *
 * @module
 */
import { findPeer, inCi, peerNames, whyMissing } from './peers.ts';

export default function notice(): void {
  const missing = peerNames.filter((name) => findPeer(name) === undefined);
  if (missing.length === 0) return;
  const outcome = inCi() ? 'FAIL' : 'are skipped';
  process.stderr.write(`\nSuites against real peers ${outcome} for want of: ${missing.join(', ')}\n`);
  for (const reason of new Set(missing.map(whyMissing))) process.stderr.write(`  ${reason}\n`);
  process.stderr.write('\n');
}
