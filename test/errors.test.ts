import { describe, expect, test } from 'vitest';
import { isNarkitError, messageOf, NarkitError } from '../src/errors.ts';

class SampleError extends NarkitError {
  constructor(message: string, options?: ErrorOptions) {
    super('sample', message, options);
  }
}

describe('NarkitError', () => {
  test('has a code, a name and a cause', () => {
    const cause = new Error('below');
    const error = new SampleError('above', { cause });
    expect(error).toMatchObject({ code: 'sample', name: 'SampleError', message: 'above', cause });
  });

  test('is known across copies of the library', () => {
    expect(isNarkitError(new SampleError(''))).toBe(true);
    expect(isNarkitError(Object.assign(new Error(), { code: 'x', narkitError: true }))).toBe(true);
    expect(isNarkitError(Object.assign(new Error(), { code: 'ENOENT' }))).toBe(false);
    expect(isNarkitError({ code: 'x', narkitError: true })).toBe(false);
  });

  test('lets no control character of a peer through', () => {
    expect(new SampleError('bad name \x1b[2J\x07\r\x9b31m').message).toBe('bad name \ufffd[2J\ufffd\ufffd\ufffd31m');
    expect(new SampleError('two\nlines\tkept, ünïcode 🦀 too').message).toBe('two\nlines\tkept, ünïcode 🦀 too');
  });

  test('does not grow with what a peer wrote', () => {
    expect(new SampleError('x'.repeat(1_000_000)).message).toBe(`${'x'.repeat(4_000)}…`);
  });
});

test('the message of anything', () => {
  expect(messageOf(new Error('text'))).toBe('text');
  expect(messageOf('text')).toBe('text');
  expect(messageOf(undefined)).toBe('undefined');
});
