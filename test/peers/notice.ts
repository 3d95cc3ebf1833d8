/**
 * Says once, before the first suite, which peers are missing.
 *
 * @module
 */
import { findPeer, mustBeThere, peerNames, whyMissing } from './peers.ts';

export default function notice(): void {
  const missing = peerNames.filter((name) => findPeer(name) === undefined);
  if (missing.length === 0) return;
  const skipped = missing.filter((name) => !mustBeThere(name));
  const failing = missing.filter(mustBeThere);
  const lines = [
    skipped.length > 0 ? `Suites are skipped for want of ${skipped.join(', ')}` : '',
    failing.length > 0 ? `Suites FAIL for want of ${failing.join(', ')}` : '',
    ...new Set(missing.map(whyMissing)),
  ];
  process.stderr.write(`\n${lines.filter(Boolean).join('\n  ')}\n\n`);
}
