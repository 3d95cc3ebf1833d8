import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findNetrcEntry, parseNetrc } from '../../../src/backend/http/netrc.ts';
import { readNetrcFile } from '../../../src/backend/http/read-netrc-file.ts';

describe('parseNetrc', () => {
  it('reads entries on one line and on many', () => {
    const text = `
# logins
machine cache.example.org login alice password s3cr#t # not a part of it
machine  other.example.org
\tlogin bob
\taccount main
\tpassword p
default login anonymous password guest@
`;
    expect(parseNetrc(text)).toEqual([
      { machine: 'cache.example.org', login: 'alice', password: 's3cr#t' },
      { machine: 'other.example.org', login: 'bob', password: 'p' },
      { login: 'anonymous', password: 'guest@' },
    ]);
  });

  it('reads values in quotes, with escapes', () => {
    expect(parseNetrc(String.raw`machine m login "a b" password "q\"\\\n\x#"`)).toEqual([
      { machine: 'm', login: 'a b', password: 'q"\\\nx#' },
    ]);
    expect(parseNetrc('machine m password ""')).toEqual([{ machine: 'm', password: '' }]);
  });

  it('takes a word for a value where a value belongs', () => {
    expect(parseNetrc('machine login login password password machine')).toEqual([
      { machine: 'login', login: 'password', password: 'machine' },
    ]);
  });

  it('skips macros up to the empty line, words that it does not know, and line ends of Windows', () => {
    const text = 'machine a login x\r\nmacdef init\r\nmachine b login y\r\n\r\nfuture port\nmachine c login z';
    expect(parseNetrc(text)).toEqual([
      { machine: 'a', login: 'x' },
      { machine: 'c', login: 'z' },
    ]);
    expect(parseNetrc('')).toEqual([]);
  });

  it('says the line of what is broken, and not what is on it', () => {
    expect(() => parseNetrc('machine m login l password')).toThrow(
      "line 1 of the netrc file: 'password' lacks its value",
    );
    expect(() => parseNetrc('\n\npassword s3cret')).toThrow(/^line 3 of the netrc file: 'password' stands before any/);
    expect(() => parseNetrc('machine m\npassword "s3cret')).toThrow('line 2 of the netrc file: a quote does not end');
  });
});

describe('findNetrcEntry', () => {
  it('prefers the first of the host, and falls back on the first default', () => {
    const netrc = parseNetrc('default login d machine A login a1 machine a login a2');
    expect(findNetrcEntry(netrc, 'a')?.login).toBe('a1');
    expect(findNetrcEntry(netrc, 'b')?.login).toBe('d');
    expect(findNetrcEntry(parseNetrc('machine a login x'), 'b')).toBeUndefined();
  });
});

describe('readNetrcFile', () => {
  it('reads a file, and none where there is none', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'narkit-netrc-'));
    try {
      await writeFile(join(directory, 'netrc'), 'machine m login l');
      expect(await readNetrcFile(join(directory, 'netrc'))).toEqual([{ machine: 'm', login: 'l' }]);
      expect(await readNetrcFile(join(directory, 'absent'))).toEqual([]);
      await expect(readNetrcFile(directory)).rejects.toThrow('EISDIR');
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
