/**
 * `nix-cache-info`: what a binary cache says of itself.
 *
 * Rules: Nix `src/libstore/binary-cache-store.cc` (`init`).
 *
 * @module
 */
import { NarkitError } from '../errors.ts';

/** The key of the file. */
export const nixCacheInfoKey = 'nix-cache-info';

/** The media type of the file. */
export const nixCacheInfoContentType = 'text/x-nix-cache-info';

/** The most bytes that the file may have. */
export const maximumNixCacheInfoBytes: number = 64 * 1024;

/** What a binary cache says of itself; a field that it leaves out is absent. */
export interface NixCacheInfo {
  /** Of which store the paths are. */
  readonly storeDir?: string;
  /** May clients ask for many paths at once? Nix takes `false` when it is absent. */
  readonly wantMassQuery?: boolean;
  /** A lower number is asked earlier. Nix takes 0 when it is absent. */
  readonly priority?: number;
}

/** A `nix-cache-info` that cannot be read. */
export class NixCacheInfoError extends NarkitError {
  /** The line, from 1, where it is one. */
  readonly line: number | undefined;

  constructor(where: string, reason: string, line?: number) {
    super(
      'nix-cache-info',
      `'${where}' is not a nix-cache-info: ${reason}${line === undefined ? '' : ` at line ${line}`}`,
    );
    this.line = line;
  }
}

/**
 * Parse a `nix-cache-info`. As in Nix: a line without a colon and unknown fields are ignored, values are trimmed, the last
 * of several counts.
 *
 * @throws {@link NixCacheInfoError} when the priority is no number, or the file is too long or not UTF-8.
 */
export function parseNixCacheInfo(input: Uint8Array | string, options: { readonly where?: string } = {}): NixCacheInfo {
  const where = options.where ?? nixCacheInfoKey;
  if (input.length > maximumNixCacheInfoBytes)
    throw new NixCacheInfoError(where, `it is longer than ${maximumNixCacheInfoBytes} bytes`);
  const info: { storeDir?: string; wantMassQuery?: boolean; priority?: number } = {};
  for (const [index, line] of decodeText(input, where).split('\n').entries()) {
    const colon = line.indexOf(':');
    if (colon === -1) continue;
    const name = line.slice(0, colon);
    const value = line.slice(colon + 1).replace(/^[ \r\t]+|[ \r\t]+$/g, '');
    if (name === 'StoreDir') info.storeDir = value;
    else if (name === 'WantMassQuery') info.wantMassQuery = value === '1';
    else if (name === 'Priority') info.priority = parsePriority(value, where, index + 1);
  }
  return info;
}

/** The text of a `nix-cache-info`; Nix itself writes the store directory alone. */
export function formatNixCacheInfo(info: NixCacheInfo): string {
  let text = '';
  if (info.storeDir !== undefined) text += `StoreDir: ${info.storeDir}\n`;
  if (info.wantMassQuery !== undefined) text += `WantMassQuery: ${info.wantMassQuery ? 1 : 0}\n`;
  if (info.priority !== undefined) text += `Priority: ${info.priority}\n`;
  return text;
}

function parsePriority(value: string, where: string, line: number): number {
  // As std::stoi reads: what follows the digits is not looked at, and the number has 32 bits.
  const priority = Number(/^[+-]?[0-9]+/.exec(value)?.[0]);
  if (priority !== (priority | 0))
    throw new NixCacheInfoError(where, `the priority '${value}' is not a whole number`, line);
  return priority | 0;
}

function decodeText(input: Uint8Array | string, where: string): string {
  if (typeof input === 'string') return input;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(input);
  } catch {
    throw new NixCacheInfoError(where, 'it is not UTF-8');
  }
}
