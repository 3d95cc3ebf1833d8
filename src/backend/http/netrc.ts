/**
 * netrc files: logins by machine, as curl and Nix (`netrc-file`) read them.
 *
 * @module
 */
import { NarkitError } from '../../errors.ts';

/** A login for one machine, or for all that have none of their own. */
export interface NetrcEntry {
  /** The host's name; absent for `default`. */
  readonly machine?: string | undefined;
  readonly login?: string | undefined;
  readonly password?: string | undefined;
}

/** The entries of a netrc file, in its order. */
export type Netrc = readonly NetrcEntry[];

/** A file that should have been a netrc file; the message does not repeat what is in it. */
export class NetrcError extends NarkitError {
  /** Counted from 1. */
  readonly line: number;

  constructor(line: number, reason: string) {
    super('netrc', `line ${line} of the netrc file: ${reason}`);
    this.line = line;
  }
}

interface Token {
  readonly text: string;
  readonly line: number;
}

/**
 * Parse a netrc file: `machine`, `default`, `login`, `password`, `account`, comments from `#` on, and values in double quotes
 * with curl's escapes. `macdef` and its lines are skipped, and so are words that it does not know, as in curl.
 *
 * @throws {@link NetrcError} when a word lacks its value, or a quote does not end.
 */
export function parseNetrc(text: string): Netrc {
  const entries: { machine?: string; login?: string; password?: string }[] = [];
  const tokens = tokenize(text);
  const value = (of: Token): string => {
    const next = tokens.next();
    if (next.done === true) throw new NetrcError(of.line, `'${of.text}' lacks its value`);
    return next.value.text;
  };
  for (let next = tokens.next(); next.done !== true; next = tokens.next()) {
    const token = next.value;
    const entry = entries.at(-1);
    if (token.text === 'machine') entries.push({ machine: value(token) });
    else if (token.text === 'default') entries.push({});
    else if (token.text === 'account') value(token);
    else if (token.text === 'login' || token.text === 'password') {
      const word = value(token);
      if (entry === undefined) throw new NetrcError(token.line, `'${token.text}' stands before any 'machine'`);
      entry[token.text] = word;
    }
  }
  return entries;
}

/** The first entry for a host, else the first `default`. */
export function findNetrcEntry(netrc: Netrc, host: string): NetrcEntry | undefined {
  const name = host.toLowerCase();
  return (
    netrc.find(({ machine }) => machine?.toLowerCase() === name) ?? netrc.find(({ machine }) => machine === undefined)
  );
}

function* tokenize(text: string): Generator<Token> {
  let inMacro = false;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (inMacro && line.trim() !== '') continue;
    inMacro = false;
    const words = /"((?:[^"\\]|\\.)*)("?)|([^\s"#][^\s]*)|#.*/g;
    for (const [word, quoted, quote, plain] of line.matchAll(words)) {
      if (quoted !== undefined && quote === '') throw new NetrcError(index + 1, 'a quote does not end');
      if (quoted !== undefined) yield { text: unquote(quoted), line: index + 1 };
      else if (plain === 'macdef') {
        inMacro = true;
        break;
      } else if (plain !== undefined) yield { text: plain, line: index + 1 };
      else if (word.startsWith('#')) break;
    }
  }
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

function unquote(quoted: string): string {
  return quoted.replace(/\\(.)/g, (_, character: string) => escapes[character] ?? character);
}
