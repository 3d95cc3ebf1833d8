/**
 * nix.conf: the text, without what it means.
 *
 * Rules: Nix `src/libutil/configuration.cc` (`parseConfigFiles`) and the manual's page "nix.conf".
 *
 * @module
 */
import { NarkitError } from '../errors.ts';

/** One line of nix.conf that sets something, or takes in another file. */
export type NixConfLine = (
  | { readonly kind: 'setting'; readonly name: string; readonly value: string }
  | { readonly kind: 'include'; readonly path: string; readonly optional: boolean }
) & {
  /** From 1. */
  readonly line: number;
};

/** A line that Nix would refuse. The line itself is not in it: it may have been a secret. */
export class NixConfError extends NarkitError {
  /** The file, or `NIX_CONFIG`. */
  readonly path: string;
  /** From 1. */
  readonly line: number;

  constructor(path: string, line: number, reason: string, options?: ErrorOptions) {
    super('nix-conf', `${path}:${line}: ${reason}`, options);
    this.path = path;
    this.line = line;
  }
}

/**
 * Parse the text of a nix.conf or of `NIX_CONFIG`: `name = value`, `include path`, `!include path`, and `#` up to the end of a
 * line for a person. The words of a value come out with one space between them.
 *
 * @throws {@link NixConfError} on another line.
 */
export function parseNixConf(text: string, path: string = 'nix.conf'): NixConfLine[] {
  const lines: NixConfLine[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const words = raw
      .replace(/#.*$/s, '')
      .split(/[ \t\r]+/)
      .filter(Boolean);
    if (words.length > 0) lines.push(parseWords(words, path, index + 1));
  }
  return lines;
}

function parseWords(words: readonly string[], path: string, line: number): NixConfLine {
  const [name, second, ...value] = words as [string, ...string[]];
  if (name === 'include' || name === '!include') {
    if (second === undefined || value.length > 0) throw new NixConfError(path, line, `'${name}' takes one path`);
    return { kind: 'include', path: second, optional: name === '!include', line };
  }
  if (second !== '=') throw new NixConfError(path, line, `expected 'name = value'`);
  return { kind: 'setting', name, value: value.join(' '), line };
}
