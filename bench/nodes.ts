/**
 * The Nodes that narkit is measured with: the one that runs this, and the one among the peers.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { findPeer } from '../test/peers/peers.ts';
import type { NodeVersion } from './row.ts';

/** @param only the first number of a version. */
export function findNodes(only?: string): NodeVersion[] {
  const files = [process.execPath, findPeer('node24')].filter((file) => file !== undefined);
  const nodes = files.map((file): NodeVersion => {
    const version = execFileSync(file, ['--version'], { encoding: 'utf8' }).trim();
    const major = /^v(\d+)/.exec(version)![1]!;
    return { name: `Node ${major}`, major, version, file };
  });
  return nodes.filter(
    ({ major }, index) => nodes.findIndex((node) => node.major === major) === index && (only ?? major) === major,
  );
}
