import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeUtf8 } from '../../src/bytes/index.ts';
import { formatHash } from '../../src/hash/index.ts';
import {
  formatNarInfo,
  maximumNarInfoBytes,
  NarInfoError,
  type NarInfoQuirk,
  parseNarInfo,
} from '../../src/narinfo/index.ts';
import { sampleFields, sampleNarInfo, sampleText } from './sample.ts';

/** The sample with some fields changed, `undefined` to leave one out; a list repeats it. */
function textWith(changes: Record<string, string | readonly string[] | undefined>): string {
  const fields: Record<string, string | readonly string[] | undefined> = { ...sampleFields, ...changes };
  return Object.entries(fields)
    .flatMap(([name, value]) => (value === undefined ? [] : [value].flat().map((item) => `${name}: ${item}\n`)))
    .join('');
}

const foo = 'n5wkd9frr45pa74if5gpz9j7mifg27fh-foo';
const bar = 'g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-bar';

describe('what is read', () => {
  test('all fields', () => {
    expect(parseNarInfo(sampleText)).toEqual(sampleNarInfo);
    expect(parseNarInfo(encodeUtf8(sampleText))).toEqual(sampleNarInfo);
  });

  test('the required fields alone', () => {
    const { StorePath, URL, NarHash, NarSize } = sampleFields;
    expect(parseNarInfo(`NarSize: ${NarSize}\nNarHash: ${NarHash}\nURL: ${URL}\nStorePath: ${StorePath}\n`)).toEqual({
      path: sampleNarInfo.path,
      url: sampleNarInfo.url,
      compression: 'bzip2',
      narHash: sampleNarInfo.narHash,
      narSize: sampleNarInfo.narSize,
      references: [],
      signatures: [],
    });
  });

  test('another store directory', () => {
    const text = textWith({ StorePath: `/gnu/store/${foo}` });
    expect(parseNarInfo(text, { storeDir: '/gnu/store' })).toEqual(sampleNarInfo);
    expect(() => parseNarInfo(text)).toThrow(NarInfoError);
  });

  test.each<[string, Record<string, string | readonly string[] | undefined>, object]>([
    ['an empty Compression', { Compression: '' }, { compression: 'bzip2' }],
    ['a Compression that nobody knows', { Compression: 'arj' }, { compression: 'arj' }],
    ['an unknown deriver', { Deriver: 'unknown-deriver' }, { deriver: undefined }],
    ['no references', { References: '' }, { references: [] }],
    ['many spaces between references', { References: `  ${foo}   ${bar} ` }, { references: [bar, foo] }],
    ['references not sorted, one twice', { References: `${foo} ${bar} ${foo}` }, { references: [bar, foo] }],
    ['references after empty ones', { References: ['', foo] }, { references: [foo] }],
    ['a FileSize of 0', { FileSize: '0' }, { fileSize: undefined }],
    ['sizes with zeros and a plus', { NarSize: '+0034878' }, { narSize: 34878 }],
    ['an absolute URL', { URL: 'https://example.org/x.nar?a=b' }, { url: 'https://example.org/x.nar?a=b' }],
    ['a URL twice', { URL: ['first', 'second'] }, { url: 'second' }],
    ['a StorePath that is not canonical', { StorePath: `/nix//store/./${foo}/` }, { path: foo }],
    ['an empty CA', { CA: '' }, { contentAddress: undefined }],
    ['a CA after an empty one', { CA: ['', sampleFields.CA] }, { contentAddress: sampleNarInfo.contentAddress }],
    ['hashes in base16', { NarHash: formatHash(sampleNarInfo.narHash, 'base16') }, { narHash: sampleNarInfo.narHash }],
    ['hashes as SRI', { NarHash: formatHash(sampleNarInfo.narHash, 'sri') }, { narHash: sampleNarInfo.narHash }],
    ['a carriage return in a URL', { URL: 'x\r' }, { url: 'x\r' }],
    ['unknown fields', { System: 'x86_64-linux', Future: 'x: y: z' }, {}],
  ])('%s', (_, changes, expected) => {
    const info = parseNarInfo(textWith(changes));
    expect(info).toEqual({ ...sampleNarInfo, ...expected });
  });

  test('signatures in the order of Nix 2.34, each once', () => {
    const signature = sampleNarInfo.signatures[0]!.slice('asdf'.length);
    const text = textWith({ Sig: [`b${signature}`, `a-1${signature}`, `a${signature}`, `b${signature}`] });
    expect(parseNarInfo(text).signatures).toEqual([`a${signature}`, `a-1${signature}`, `b${signature}`]);
  });

  test('without the space the next line belongs to the value', () => {
    const text = sampleText.replace(/^Deriver: .*$/m, 'Deriver:');
    expect(() => parseNarInfo(text)).toThrow(/invalid Deriver: path 'Sig: /);
    const unknown = sampleText.replace(/^Deriver: .*$/m, 'Unknown:');
    expect(parseNarInfo(unknown).signatures).toEqual(sampleNarInfo.signatures.slice(1));
  });

  test('a line without a colon belongs to the name of the next field', () => {
    const info = parseNarInfo(sampleText.replace('Deriver:', 'what is this\nDeriver:'));
    expect(info.deriver).toBeUndefined();
  });

  test('a field that is ignored may hold any bytes', () => {
    const text = Buffer.concat([Buffer.from(sampleText), Buffer.from('Unknown: \xff\0\x80\n', 'latin1')]);
    expect(parseNarInfo(text)).toEqual(sampleNarInfo);
  });

  test('sizes up to 2^53 - 1', () => {
    expect(parseNarInfo(textWith({ NarSize: '9007199254740991' })).narSize).toBe(Number.MAX_SAFE_INTEGER);
  });
});

describe('what is refused', () => {
  test.each<[string, string, Partial<NarInfoError>]>([
    ['nothing', '', { field: 'StorePath', line: undefined }],
    ['no StorePath', textWith({ StorePath: undefined }), { field: 'StorePath', line: undefined }],
    ['no URL', textWith({ URL: undefined }), { field: 'URL', line: undefined }],
    ['an empty URL', textWith({ URL: '' }), { field: 'URL', line: undefined }],
    ['no NarHash', textWith({ NarHash: undefined }), { field: 'NarHash', line: undefined }],
    ['no NarSize', textWith({ NarSize: undefined }), { field: 'NarSize', line: undefined }],
    ['a NarSize of 0', textWith({ NarSize: '0' }), { field: 'NarSize', line: undefined }],
    ['no colon', `${sampleText}what\n`, { field: undefined, line: 13 }],
    ['no newline at the end', sampleText.slice(0, -1), { field: 'CA', line: 12 }],
    ['nothing after the last colon', `${sampleText}Sig:\n`, { field: 'Sig', line: 13 }],
    ['a StorePath elsewhere', textWith({ StorePath: `/gnu/store/${foo}` }), { field: 'StorePath', line: 1 }],
    ['a StorePath without a directory', textWith({ StorePath: foo }), { field: 'StorePath', line: 1 }],
    ['a file in a StorePath', textWith({ StorePath: `/nix/store/${foo}/bin` }), { field: 'StorePath', line: 1 }],
    ['a FileHash that is none', textWith({ FileHash: 'sha256:abc' }), { field: 'FileHash', line: 4 }],
    ['an empty FileHash', textWith({ FileHash: '' }), { field: 'FileHash', line: 4 }],
    ['an empty FileSize', textWith({ FileSize: '' }), { field: 'FileSize', line: 5 }],
    ['a NarHash without an algorithm', textWith({ NarHash: '0'.repeat(52) }), { field: 'NarHash', line: 6 }],
    ['a NarSize below 0', textWith({ NarSize: '-1' }), { field: 'NarSize', line: 7 }],
    ['a NarSize with a unit', textWith({ NarSize: '1k' }), { field: 'NarSize', line: 7 }],
    ['a NarSize with a space', textWith({ NarSize: '1 ' }), { field: 'NarSize', line: 7 }],
    ['a hexadecimal NarSize', textWith({ NarSize: '0x10' }), { field: 'NarSize', line: 7 }],
    ['a fraction', textWith({ NarSize: '1.0' }), { field: 'NarSize', line: 7 }],
    ['a NarSize beyond 2^53', textWith({ NarSize: '9007199254740992' }), { field: 'NarSize', line: 7 }],
    ['a full path for a reference', textWith({ References: `/nix/store/${foo}` }), { field: 'References', line: 8 }],
    ['a tab between references', textWith({ References: `${foo}\t${bar}` }), { field: 'References', line: 8 }],
    ['references twice', textWith({ References: [foo, bar] }), { field: 'References', line: 9 }],
    ['references, then none', textWith({ References: [foo, ''] }), { field: 'References', line: 9 }],
    ['a full path for a deriver', textWith({ Deriver: `/nix/store/${foo}.drv` }), { field: 'Deriver', line: 9 }],
    ['an empty deriver', textWith({ Deriver: '' }), { field: 'Deriver', line: 9 }],
    ['a signature without a name', textWith({ Sig: ':AAAA' }), { field: 'Sig', line: 10 }],
    ['a signature that is not base64', textWith({ Sig: ['a:AAAA', 'a:*'] }), { field: 'Sig', line: 11 }],
    ['a CA that is none', textWith({ CA: 'path:sha256:abc' }), { field: 'CA', line: 12 }],
    ['a CA twice', textWith({ CA: [sampleFields.CA, sampleFields.CA] }), { field: 'CA', line: 13 }],
    ['CRLF', sampleText.replaceAll('\n', '\r\n'), { field: 'StorePath', line: 1 }],
  ])('%s', (_, text, place) => {
    let thrown: unknown;
    try {
      parseNarInfo(text, { where: 'some.narinfo' });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(NarInfoError);
    expect(thrown).toMatchObject({ code: 'narinfo', where: 'some.narinfo', ...place });
    expect((thrown as Error).message).toContain(`NAR info file 'some.narinfo' is corrupt: `);
  });

  test('the line is that of the file, also behind a name of several lines', () => {
    const text = `no colon\nhere\n${textWith({ NarSize: 'x' })}`;
    expect(() => parseNarInfo(`a: b\n${text}`)).toThrow(/invalid NarSize: .* at line 10$/);
  });

  test('a URL that is not UTF-8', () => {
    const bytes = Buffer.from(textWith({ URL: 'nar/\xff' }), 'latin1');
    expect(() => parseNarInfo(bytes)).toThrow('invalid URL: it is not UTF-8 at line 2');
  });

  test('more bytes than any narinfo has, in no time', () => {
    expect(() => parseNarInfo(new Uint8Array(maximumNarInfoBytes + 1))).toThrow(NarInfoError);
    expect(() => parseNarInfo('\n'.repeat(maximumNarInfoBytes + 1))).toThrow(NarInfoError);
  });

  test('a message stays short, whatever the narinfo holds', () => {
    const long = 'x'.repeat(1_000_000);
    for (const text of [textWith({ StorePath: long }), textWith({ References: long }), textWith({ Sig: long })])
      expect(() => parseNarInfo(text)).toThrow(/^.{100,4100}$/);
  });
});

describe('hostile input', () => {
  const bytes = encodeUtf8(sampleText);

  /** Never anything but an info or a NarInfoError; what is read can be written and read again. */
  function checkParsing(input: Uint8Array) {
    let info: ReturnType<typeof parseNarInfo>;
    try {
      info = parseNarInfo(input);
    } catch (error) {
      expect(error).toBeInstanceOf(NarInfoError);
      return;
    }
    if (info.narHash.algorithm !== 'sha256' || (info.fileHash && info.fileHash.algorithm !== 'sha256')) return;
    expect(parseNarInfo(formatNarInfo(info))).toEqual(info);
  }

  test('every byte changed, left out, or the last', () => {
    for (let index = 0; index < bytes.length; index++) {
      for (const byte of [0, 0x0a, 0x0d, 0x20, 0x2d, 0x3a, 0xff, bytes[index]! ^ 1])
        checkParsing(bytes.with(index, byte));
      checkParsing(Buffer.concat([bytes.subarray(0, index), bytes.subarray(index + 1)]));
      checkParsing(bytes.subarray(0, index));
    }
  });

  test('lines mixed, doubled, cut, and bytes among them', () => {
    const line = fc.oneof(fc.constantFrom(...sampleText.split(/(?<=\n)/)), fc.string({ unit: 'binary' }));
    fc.assert(
      fc.property(fc.array(line, { maxLength: 20 }), fc.nat(40), (lines, cut) => {
        const text = encodeUtf8(lines.join(''));
        checkParsing(text.subarray(0, Math.max(0, text.length - cut)));
      }),
      { numRuns: 500 },
    );
  });
});

describe('quirks', () => {
  function quirksOf(text: string): NarInfoQuirk[] {
    const quirks: NarInfoQuirk[] = [];
    parseNarInfo(text, { onQuirk: (quirk) => quirks.push(quirk) });
    return quirks;
  }

  test('none in what Nix writes', () => {
    expect(quirksOf(sampleText)).toEqual([]);
  });

  test('each kind', () => {
    expect(quirksOf(`System: x\nURL: x\n${sampleText}Unknown:yes\n`)).toEqual([
      { kind: 'unknown-field', field: 'System', line: 1 },
      { kind: 'repeated-field', field: 'URL', line: 4 },
      { kind: 'unknown-field', field: 'Unknown', line: 15 },
      { kind: 'no-space', field: 'Unknown', line: 15 },
    ]);
  });
});
