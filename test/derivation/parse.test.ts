import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeUtf8, encodeUtf8 } from '../../src/bytes/index.ts';
import { DerivationError, derivationOutputPaths, parseDerivation } from '../../src/derivation/index.ts';

const folder = new URL('../../fixtures/derivations/', import.meta.url).pathname;
const files = readdirSync(folder);

const read = (name: string) => readFileSync(join(folder, files.find((file) => file.endsWith(`-${name}.drv`)) ?? name));

const textOf = (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : decodeUtf8(bytes));

// Made by Nix 2.34.
describe('derivations of Nix', () => {
  test('every escape, several inputs, a source', () => {
    const derivation = parseDerivation(read('plain'));
    expect(derivation.outputs).toEqual(
      new Map([['out', { path: '2agvc98ls97hzcvga95f9b8hl0knzi40-plain', hashAlgorithm: '', hash: '' }]]),
    );
    expect(derivation.inputDerivations).toEqual(
      new Map([['nhcc7vq8x95xpr28vp3bw6m0x0jccy5n-dep.drv', { outputs: ['dev', 'lib'] }]]),
    );
    expect(derivation.inputSources).toEqual(['0bxkg0zprhk1nf3yxl5ivl9bjhzi48z3-src']);
    expect(derivation.platform).toBe('x86_64-linux');
    expect(derivation.builder).toBe('/bin/sh');
    expect(derivation.args.map(textOf)).toEqual(['-c', 'echo "hi\\there" > $out\n\ttab\r']);
    expect([...derivation.env.keys()]).toEqual([
      'builder',
      'dep',
      'dep2',
      'empty',
      'name',
      'out',
      'src',
      'system',
      'text',
    ]);
    expect(textOf(derivation.env.get('text'))).toBe(`ünïcode \${x} "quoted" \\ \n\t\r`);
    expect(textOf(derivation.env.get('empty'))).toBe('');
  });

  test('the paths of several outputs', () => {
    expect(derivationOutputPaths(parseDerivation(read('dep')))).toEqual(
      new Map([
        ['dev', 'lhbbkbx4f65w336clym38rgaa9fh5jzf-dep-dev'],
        ['lib', 'nswcr6s5jwdlzry2pqn13zinvi2p0iq6-dep-lib'],
        ['out', 'bqs0q5x588159d7s7igp20kmvjbkmygh-dep'],
      ]),
    );
  });

  test('a fixed output', () => {
    const { outputs } = parseDerivation(read('fixed'));
    expect(outputs.get('out')).toMatchObject({
      hashAlgorithm: 'r:sha256',
      hash: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    });
  });

  test.each([
    ['floating', 'r:sha256', ''],
    ['deferred', '', ''],
    ['impure', 'r:sha256', 'impure'],
  ])('the output of a %s one has no path yet', (name, hashAlgorithm, hash) => {
    const derivation = parseDerivation(read(name));
    expect(derivation.outputs).toEqual(new Map([['out', { hashAlgorithm, hash }]]));
    expect(derivationOutputPaths(derivation)).toEqual(new Map());
  });

  test('outputs of outputs', () => {
    expect(parseDerivation(read('dynamic')).inputDerivations).toEqual(
      new Map([
        [
          'vsqyvkz45pgabsy4z4nir3n7viqmnm5m-produced.drv.drv',
          { outputs: ['out'], dynamicOutputs: new Map([['out', { outputs: ['out'] }]]) },
        ],
      ]),
    );
  });
});

describe('forms', () => {
  const plain = '2agvc98ls97hzcvga95f9b8hl0knzi40-plain';
  const outputs = `[("out","/nix/store/${plain}","","")]`;
  const form = (parts: Partial<Record<'outputs' | 'inputs' | 'sources' | 'args' | 'env', string>>) =>
    `Derive(${parts.outputs ?? outputs},${parts.inputs ?? '[]'},${parts.sources ?? '[]'},"p","b",${parts.args ?? '[]'},${parts.env ?? '[]'})`;

  test('the least', () => {
    expect(parseDerivation(encodeUtf8(form({ outputs: '[]' })))).toEqual({
      outputs: new Map(),
      inputDerivations: new Map(),
      inputSources: [],
      platform: 'p',
      builder: 'b',
      args: [],
      env: new Map(),
    });
  });

  test('bytes that are not UTF-8 in arguments and values', () => {
    const { args, env } = parseDerivation(Buffer.from(form({ args: '["\xff\x00"]', env: '[("a","\xfe")]' }), 'latin1'));
    expect(args).toEqual([Uint8Array.of(0xff, 0)]);
    expect(env).toEqual(new Map([['a', Uint8Array.of(0xfe)]]));
  });

  test('any escape stands for itself', () => {
    const { args } = parseDerivation(encodeUtf8(form({ args: String.raw`["\a\"\\\n\r\t\0"]` })));
    expect(args.map(textOf)).toEqual(['a"\\\n\r\t0']);
  });

  test('another store directory', () => {
    const text = form({}).replaceAll('/nix/', '/gnu/');
    expect(derivationOutputPaths(parseDerivation(encodeUtf8(text), { storeDir: '/gnu/store' })).size).toBe(1);
    expect(() => parseDerivation(encodeUtf8(text))).toThrow(DerivationError);
  });

  test('what is given out shares no memory with what was given', () => {
    const bytes = Buffer.from(form({ args: '["abc"]' }));
    const { args } = parseDerivation(bytes);
    bytes.fill(0);
    expect(args.map(textOf)).toEqual(['abc']);
  });

  // A `~` stands where the error must say that it is.
  test.each<[string, string]>([
    ['nothing', '~'],
    ['another term', '~Agent()'],
    ['an unknown version', form({}).replace('Derive(', 'DrvWithVersion("2"~,')],
    ['no list', 'Derive(~"out")'],
    ['a comma too much', form({ args: '["a",~]' })],
    ['a comma at the start', form({ args: '[~,"a"]' })],
    ['a comma too few', form({ args: '["a"~"b"]' })],
    ['a space', form({ args: '["a",~ "b"]' })],
    ['something behind', `${form({})}~\n`],
    ['two outputs of one name', form({ outputs: '[("a","","",""),("a",~"","","")]' })],
    ['an output elsewhere', form({ outputs: '[("out",~"/tmp/x","","")]' })],
    ['an output that is not canonical', form({ outputs: `[("out",~"/nix//store/${plain}","","")]` })],
    ['an input that is no path', form({ inputs: '[(~"x.drv",["out"])]' })],
    ['outputs of outputs in the old form', form({ inputs: `[("/nix/store/${plain}",~(["out"],[]))]` })],
    ['a source that is no path', form({ sources: '[~""]' })],
    ['a name that is not UTF-8', form({ env: '[(~"\xff","")]' })],
    ['a string without an end', 'Derive([("out","",~"abc'],
    ['a backslash at the end', String.raw`Derive([(~"a\ `.trimEnd()],
  ])('refuses %s, and says where', (_, marked) => {
    let thrown: unknown;
    try {
      parseDerivation(Buffer.from(marked.replace('~', ''), 'latin1'), { where: 'x.drv' });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(DerivationError);
    expect(thrown).toMatchObject({ code: 'derivation', offset: marked.indexOf('~') });
    expect((thrown as Error).message).toMatch(/^'x\.drv' is not a derivation: [\s\S]*, at byte \d+$/);
  });

  test('outputs of outputs without end', () => {
    const depth = 100_000;
    const node = `${'([],[("o",'.repeat(depth)}[]${')])'.repeat(depth)}`;
    const text = form({ inputs: `[("/nix/store/${plain}",${node})]` }).replace(
      'Derive(',
      'DrvWithVersion("xp-dyn-drv",',
    );
    expect(() => parseDerivation(encodeUtf8(text))).toThrow(/nested deeper than 64/);
  });
});

describe('hostile input', () => {
  function checkParsing(bytes: Uint8Array) {
    try {
      parseDerivation(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(DerivationError);
      expect((error as DerivationError).offset).toBeLessThanOrEqual(bytes.length);
    }
  }

  test.each(files)('%s: cut anywhere, any byte changed', (file) => {
    const bytes = new Uint8Array(readFileSync(join(folder, file)));
    for (let index = 0; index < bytes.length; index++) {
      expect(() => parseDerivation(bytes.subarray(0, index))).toThrow(DerivationError);
      for (const byte of [0, 0x22, 0x28, 0x2c, 0x5b, 0x5c, 0x5d, 0xff]) checkParsing(bytes.with(index, byte));
    }
  });

  test('tokens in any order', () => {
    const token = fc.constantFrom(
      'Derive(',
      '(',
      ')',
      '[',
      ']',
      ',',
      '"',
      '"a"',
      '\\',
      '"/nix/store/x"',
      'DrvWithVersion(',
    );
    fc.assert(
      fc.property(fc.array(token), (tokens) => {
        checkParsing(encodeUtf8(tokens.join('')));
        checkParsing(encodeUtf8(`Derive([],[],[],"","",${tokens.join('')}`));
      }),
    );
  });
});
