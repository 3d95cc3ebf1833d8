/**
 * Trees made to hurt: what a writer, a reader or a dump gets wrong first.
 *
 * @module
 */
import { bytesOf, directory, type FixtureTree, file, patternBytes, symlink } from './fixture-tree.ts';

const bytes = (...values: readonly number[]): Uint8Array => Uint8Array.from(values);

function nested(levels: number, innermost: FixtureTree): FixtureTree {
  return levels === 0 ? innermost : directory({ d: nested(levels - 1, innermost) });
}

const range = (length: number): number[] => Array.from({ length }, (_, index) => index);

/** Sizes at which padding, and the chunks of ours and of others, begin and end. */
const sizes = [
  ...range(18),
  ...[4096, 64 * 1024, 128 * 1024, 256 * 1024, 1024 * 1024].flatMap((border) =>
    [-400, -17, -8, -1, 0, 1, 8].map((distance) => border + distance),
  ),
];

/** Name → tree, made when asked for. */
export const hurtfulTrees: Readonly<Record<string, () => FixtureTree>> = {
  'a file': () => file('hello\n'),
  'an empty file': () => file(''),
  'an executable': () => file('#!/bin/sh\n', true),
  'a symlink': () => symlink('xyzzy'),
  'an empty directory': () => directory({}),
  'a file of three megabytes': () => file(patternBytes(3 * 1024 * 1024 + 5)),
  'sizes around padding and chunks': () =>
    directory(sizes.map((size) => [`size-${size}`, file(patternBytes(size), size % 2 === 1)] as const)),
  'names that are not UTF-8': () =>
    directory([
      [bytes(0xff), file('a byte that UTF-8 never has')],
      [bytes(0x80), file('a lone continuation')],
      [bytes(0xc3), file('a sequence cut short')],
      [bytes(0xc0, 0xaf), file('an overlong slash')],
      [bytes(0xed, 0xa0, 0x80), directory([[bytes(0xed, 0xb0, 0x80), file('a surrogate under a surrogate')]])],
      [bytes(0xf4, 0x90, 0x80, 0x80), file('beyond U+10FFFF')],
      [bytes(0x61, 0xff, 0x62), symlink(bytes(0xfe, 0xff))],
    ]),
  'names whose order depends on who sorts': () =>
    directory(
      [
        '\u{1f600}',
        '\uff21',
        '\ue000',
        'ä',
        'a\u0308',
        'Z',
        'a',
        'A',
        'a.b',
        'a-b',
        'a b',
        'ab',
        'aB',
        '10',
        '9',
        '\u{10ffff}',
      ].map((name) => [name, file(name)] as const),
    ),
  'names that mean something elsewhere': () =>
    directory(
      [
        ...[
          '-',
          '--help',
          '...',
          '.x',
          ' ',
          '\n',
          '\t',
          '\\',
          '"',
          "'",
          '*',
          '?',
          '$HOME',
          '~',
          '\x01',
          '\x7f',
          'type',
          '(',
          ')',
        ],
        ...['__proto__', 'constructor', 'CON', 'a:b', '\u202e', '\ufeff', '\ufeffa', 'x~nix~case~hack~1'],
      ].map((name) => [name, file(name)] as const),
    ),
  'names of 255 bytes': () =>
    directory([
      ['x'.repeat(255), file('1')],
      ['y'.repeat(255), directory([['z'.repeat(255), file('2')]])],
      ['ä'.repeat(127), file('3')],
      [new Uint8Array(255).fill(0xff), file('4')],
    ]),
  'names that differ in case': () =>
    directory({ FOO: file('1'), Foo: directory({ A: file('2'), a: directory({ foo: file('3') }) }), foo: file('4') }),
  'the deepest tree': () => nested(63, file('at the bottom')),
  'a deep tree with long names': () => {
    let tree: FixtureTree = file('a path of 12,000 bytes leads here');
    for (let level = 0; level < 60; level++) tree = directory([['n'.repeat(200), tree]]);
    return tree;
  },
  'ten thousand entries': () => directory(range(10_000).map((index) => [`entry-${index}`, file(`${index}`)] as const)),
  'many empty directories': () => directory(range(300).map((index) => [`directory-${index}`, directory({})] as const)),
  'many symlinks': () =>
    directory(range(300).map((index) => [`symlink-${index}`, symlink(`../${'t'.repeat(index * 12)}`)] as const)),
  symlinks: () =>
    directory([
      ['dangling', symlink('nowhere')],
      ['absolute', symlink('/etc/passwd')],
      ['up', symlink('../../..')],
      ['self', symlink('self')],
      ['to-directory', symlink('directory')],
      ['longest', symlink('t'.repeat(4095))],
      ['eight', symlink('12345678')],
      ['not-utf-8', symlink(bytes(0x80, 0x2f, 0xff))],
      ['slash', symlink('/')],
      ['directory', directory({ file: file('behind a directory') })],
    ]),
  'files and directories, empty and not': () =>
    directory({
      'empty-directory': directory({}),
      'empty-file': file(''),
      'empty-executable': file('', true),
      'directory-of-empty': directory({ a: directory({}), b: file(''), c: directory({ d: directory({}) }) }),
    }),
  'contents that look like a NAR': () =>
    directory([['nar', file(bytesOf('\x0d\0\0\0\0\0\0\0nix-archive-1\0\0\0\x01\0\0\0\0\0\0\0(\0\0\0\0\0\0\0'))]]),
};
