import { describe, expect, it } from 'vitest';
import { createS3Backend, parseS3Settings, type S3Settings } from '../../../src/backend/s3/index.ts';
import { usesPathStyle } from '../../../src/backend/s3/s3-settings.ts';
import { parseStoreUri } from '../../../src/store/store-uri.ts';

function parse(text: string): { settings: S3Settings; rest: Record<string, string>; warnings: string[]; uri: string } {
  const warnings: string[] = [];
  const { authority, parameters } = parseStoreUri(text);
  const { settings, rest } = parseS3Settings(authority, parameters, { onWarning: (message) => warnings.push(message) });
  return { settings, rest: Object.fromEntries(rest), warnings, uri: createS3Backend(settings).uri };
}

describe('parseS3Settings', () => {
  it('reads every parameter, and leaves the others', () => {
    const text =
      's3://cache?profile=work&region=eu-central-1&endpoint=https://s3.example.org:9000&addressing-style=virtual' +
      '&storage-class=STANDARD_IA&multipart-upload=true&multipart-chunk-size=10485760&multipart-threshold=64M' +
      '&tls-certificate=/c.pem&tls-private-key=/k.pem&retry-attempts=7&retry-delay=1&retry-delay-rate-limited=2' +
      '&retry-max-delay=3&compression=zstd&mistyped=1';
    const { settings, rest, warnings } = parse(text);
    expect(settings).toEqual({
      bucket: 'cache',
      profile: 'work',
      region: 'eu-central-1',
      endpoint: 'https://s3.example.org:9000',
      addressingStyle: 'virtual',
      storageClass: 'STANDARD_IA',
      multipartUpload: true,
      multipartChunkSize: 10 * 1024 ** 2,
      multipartThreshold: 64 * 1024 ** 2,
      tlsCertificate: '/c.pem',
      tlsPrivateKey: '/k.pem',
      retry: { attempts: 7, delayMs: 1, rateLimitedDelayMs: 2, maximumDelayMs: 3 },
    });
    expect(rest).toEqual({ compression: 'zstd', mistyped: '1' });
    expect(warnings).toEqual([]);
  });

  it('takes a folder of the bucket, and an empty value for none', () => {
    const { settings, uri } = parse('s3://cache/some/f%C3%B6lder/?region=&profile=&endpoint=&multipart-chunk-size=');
    expect(settings).toMatchObject({ bucket: 'cache', prefix: 'some/földer' });
    for (const name of ['region', 'profile', 'endpoint', 'multipartChunkSize'] as const)
      expect(settings[name]).toBeUndefined();
    expect(uri).toBe('s3://cache/some/f%C3%B6lder');
  });

  it('takes what Nix calls deprecated, and says so', () => {
    expect(parse('s3://cache?endpoint=localhost:9000&scheme=http')).toMatchObject({
      settings: { endpoint: 'http://localhost:9000' },
      warnings: [expect.stringMatching(/scheme/), expect.stringMatching(/localhost:9000/)],
    });
    expect(parse('s3://cache?endpoint=s3.example.org').settings.endpoint).toBe('https://s3.example.org');
    expect(parse('s3://cache?scheme=https')).toMatchObject({ warnings: [expect.any(String)] });
    expect(parse('s3://cache?scheme=https').settings.endpoint).toBeUndefined();
    expect(parse('s3://cache?buffer-size=6M').settings.multipartChunkSize).toBe(6 * 1024 ** 2);
    expect(parse('s3://cache?buffer-size=6M&multipart-chunk-size=7M').settings.multipartChunkSize).toBe(7 * 1024 ** 2);
  });

  it('asks AWS without TLS where it would with it', () => {
    const { settings } = parse('s3://cache?scheme=http&region=eu-west-1');
    expect(settings).toMatchObject({ endpoint: 'http://s3.eu-west-1.amazonaws.com', addressingStyle: 'virtual' });
    expect(usesPathStyle(parse('s3://dotted.cache?scheme=http').settings)).toBe(true);
  });

  it.each([
    ['s3://cache', false],
    ['s3://cache?addressing-style=path', true],
    ['s3://dotted.cache', true],
    ['s3://cache?endpoint=http://localhost:9000', true],
    ['s3://cache?endpoint=http://localhost:9000&addressing-style=auto', true],
    ['s3://cache?endpoint=http://localhost:9000&addressing-style=virtual', false],
  ])('addresses %s by path: %s', (uri, byPath) => {
    expect(usesPathStyle(parse(uri).settings)).toBe(byPath);
  });

  it.each([
    ['s3://', 'bucket'],
    ['s3://user@cache', 'bucket'],
    ['s3://cache:80', 'bucket'],
    ['s3://[::1]', 'bucket'],
    ['s3://ca..che', 'bucket'],
    ['s3://cache//double', 'prefix'],
    ['s3://cache/../other', 'prefix'],
    ['s3://cache?region=eu central', 'region'],
    ['s3://cache?region=evil.example.org/', 'region'],
    ['s3://cache?endpoint=ftp://example.org', 'endpoint'],
    ['s3://cache?endpoint=http://', 'endpoint'],
    ['s3://cache?endpoint=http://user:secret@example.org', 'endpoint'],
    ['s3://cache?endpoint=http://example.org?x=1', 'endpoint'],
    ['s3://cache?scheme=gopher', 'scheme'],
    ['s3://cache?addressing-style=postal', 'addressing-style'],
    ['s3://dotted.cache?addressing-style=virtual', 'addressing-style'],
    ['s3://cache?multipart-upload=perhaps', 'multipart-upload'],
    ['s3://cache?multipart-chunk-size=5242879', 'multipart-chunk-size'],
    ['s3://cache?multipart-chunk-size=6G', 'multipart-chunk-size'],
    ['s3://cache?multipart-chunk-size=8MB', 'multipart-chunk-size'],
    ['s3://cache?multipart-threshold=-1', 'multipart-threshold'],
    ['s3://cache?retry-attempts=0', 'retry-attempts'],
  ])('refuses %s', (uri, name) => {
    const refused = expect(() => parse(uri));
    refused.toThrow(expect.objectContaining({ code: 'setting', message: expect.stringContaining(`'${name}'`) }));
    refused.not.toThrow(/secret/);
  });

  it('says which bucket is meant, and nothing else', () => {
    expect(parse('s3://cache?region=eu-west-1&endpoint=http://h:1/p&storage-class=X&profile=a b').uri).toBe(
      's3://cache?endpoint=http://h:1/p&profile=a%20b&region=eu-west-1',
    );
  });
});
