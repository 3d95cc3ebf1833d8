/**
 * The Nodes that narkit is measured with, the one that runs this and the one among the peers, and which versions all are of.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { findPeer, nix, nixVersions } from '../test/peers/peers.ts';
import type { Command, NodeVersion } from './row.ts';

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

/** `{ 'Node 20': '20.20.2', 'Nix 2.34': '2.34.0' }` */
export function findVersions(nodes: readonly NodeVersion[]): Record<string, string> {
  const versions = Object.fromEntries(nodes.map(({ name, version }) => [name, version.slice(1)]));
  for (const { version, bin } of nixVersions.map(nix).filter((found) => found !== undefined)) {
    const said = execFileSync(join(bin, 'nix'), ['--version'], { encoding: 'utf8' });
    versions[`Nix ${version}`] = said.trim().split(' ').at(-1)!;
  }
  return versions;
}

/** Node that does nothing, with as little around it as narkit has: certificates that a variable names take it 20 ms to read. */
export function startNode(node: NodeVersion): Command {
  return { file: node.file, args: ['-e', '0'], env: { PATH: process.env.PATH } };
}
