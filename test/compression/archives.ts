/**
 * Archives that the real tools wrote (gzip 1.12, bzip2 1.0.8, xz 5.4.1, zstd 1.5.4), all of {@link archiveContent}.
 *
 * @module
 */
import { encodeUtf8 } from '../../src/bytes/bytes.ts';

/** What is in the archives. */
export const archiveContent: Uint8Array = encodeUtf8('narkit '.repeat(300));

/** A method, what is special about the archive, and the archive. */
export const archives: readonly (readonly [compression: string, title: string, archive: Uint8Array])[] = (
  [
    ['gzip', 'one member', 'H4sIAAAAAAACA8tLLMrOLFHIG6VGqVFqlBqlRqlRapTCRwEAqgFfLDQIAAA='],
    [
      'gzip',
      'two members and an empty one',
      'H4sIAAAAAAAAA8tLLMrOLFHIG6VGqVFq+FIAcvJfD+gDAAAfiwgAAAAAAAADAwAAAAAAAAAAAB+LCAAAAAAAAANTyEssys4sURilRqlRapSihAIAOTKNykwEAAA=',
    ],
    ['gzip', 'stored', 'H4sIAAAAAAAEA8tLLMrOLFHIG6VGg2A0FYxmhNGyYLQ4HK0RRmtDfLUhAKoBXyw0CAAA'],
    ['gzip', 'a file name in the header', 'H4sICDQXA2sAA25hbWUudHh0AMtLLMrOLFHIG6VGqVFqlBqlRqlRapTCRwEAqgFfLDQIAAA='],
    ['bzip2', 'one stream', 'QlpoOTFBWSZTWVUsxNkAAu2RgEAAICkUACAAUIYAKVRmTSkYUjCkaUjpSMKRpSPC7kinChIKpZibIA=='],
    [
      'bzip2',
      'three streams, one empty',
      'QlpoMTFBWSZTWf++ApgAAR2RgEAAICkUACAAUIYATVUZk2FWBVgVaFXOwqwKtCrwu5IpwoSH/fAUwEJaaDkXckU4UJAAAAAAQlpoOTFBWSZTWf9wIRsAAE6RgEAAICkUACAAUIYATVUZk1CvsQrEK1CuIViFahXhdyRThQkP9wIRsA==',
    ],
    [
      'xz',
      'one stream',
      '/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4AgzABldADcYSqtoEKbzVvXBqLgCeJv3TEsb18gvlwAAAAAA6xSVwYlRyFoAATW0EAAAAIi7vCKxxGf7AgAAAAAEWVo=',
    ],
    [
      'xz',
      'blocks',
      '/Td6WFoAAATm1rRGA8AX9AMhARYAAAAApLQzYOAB8wAPXQA3GEqraBCm81b1wS+GwAAAACyfLXl/nPfSA8AX9AMhARYAAAAApLQzYOAB8wAPXQA1mkrqJb5A58piQel68AAAAMdQaGH5+y0+A8AX9AMhARYAAAAApLQzYOAB8wAPXQAQG4gnVc99lRpXLX/dAAAAAJvcvGGPd0MZA8AX9AMhARYAAAAApLQzYOAB8wAPXQA5Gsljp5YBCzu2R81xsAAAALMfcv/xzb/iA8AWZCEBFgAAAAAAEpH5wOAAYwAOXQA6CAnGVGNlIcZikOQAAAAAAPg4siZO8nSrAAUv9AMv9AMv9AMv9AMuZL2Ew+OsJz4tBAAAAAAEWVo=',
    ],
    [
      'xz',
      'two streams with padding',
      '/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4APnABNdADcYSqtoEKbzVvXBqLgCX+eXJwAAADu14Z9YTDbxAAEv6AcAAACZ19ywscRn+wIAAAAABFlaAAAAAAAAAAD9N3pYWgAABObWtEYCACEBFgAAAHQv5aPgBEsAFF0AEBuIJ1XPfZUaVy37tm5vuVmocQAAdvKU1utbItcAATDMCAAAAEX+fi6xxGf7AgAAAAAEWVo=',
    ],
    [
      'xz',
      'CRC-32',
      '/Td6WFoAAAFpIt42AgAhARYAAAB0L+Wj4AgzABldADcYSqtoEKbzVvXBqLgCeJv3TEsb18gvlwAAAAAAqgFfLAABMbQQAAAAnvktuT4wDYsCAAAAAAFZWg==',
    ],
    [
      'xz',
      'no check',
      '/Td6WFoAAAD/EtlBAgAhARYAAAB0L+Wj4AgzABldADcYSqtoEKbzVvXBqLgCeJv3TEsb18gvlwAAAAAAAAEttBAAAAB+OznNqAAK/AIAAAAAAFla',
    ],
    [
      'xz',
      'an empty stream first',
      '/Td6WFoAAATm1rRGAAAAABzfRCEftvN9AQAAAAAEWVr9N3pYWgAABObWtEYCACEBFgAAAHQv5aPgCDMAGV0ANxhKq2gQpvNW9cGouAJ4m/dMSxvXyC+XAAAAAADrFJXBiVHIWgABNbQQAAAAiLu8IrHEZ/sCAAAAAARZWg==',
    ],
    [
      'xz',
      'literals told apart by their place, with --lzma2=lc=0,lp=3,pb=0',
      '/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4AgzABkbADcZDaFyik4TX2rRn5Hl/YX7HBzZuderIwAAAAAA6xSVwYlRyFoAATW0EAAAAIi7vCKxxGf7AgAAAAAEWVo=',
    ],
    ['zstd', 'one frame', 'KLUv/QRodQAAOG5hcmtpdCABACqQX4wb/h4e'],
    ['zstd', 'without checksum and size', 'KLUv/QBYdQAAOG5hcmtpdCABACqQX4w='],
    [
      'zstd',
      'frames among skippable ones',
      'UCpNGAUAAABoZWxsbyi1L/0EWHUAADhuYXJraXQgAQDeVRUjdJbij18qTRgAAAAAUCpNGAUAAABoZWxsbyi1L/0kAAEAAJnp2FEotS/9BEh1AAA4IG5hcmtpdAEAQugvRkT6oX1QKk0YBQAAAGhlbGxv',
    ],
    ['zstd', 'a long window', 'KLUv/QSIdQAAOG5hcmtpdCABACqQX4wb/h4e'],
  ] as const
).map(([compression, title, base64]) => [compression, title, fromBase64(base64)] as const);

/** Archives that are as they should be, and that narkit does not read. */
export const unreadable: readonly (readonly [compression: string, title: string, archive: Uint8Array])[] = (
  [
    [
      'xz',
      'a SHA-256 check',
      '/Td6WFoAAArh+wyhAgAhARYAAAB0L+Wj4AgzABldADcYSqtoEKbzVvXBqLgCeJv3TEsb18gvlwAAAAAARTpw8osevRpq3NJeIrcQ/X5ucgQDeSjhJDQB8/3I1PoAAU20EAAAACQ0zcW26d8cAgAAAAAKWVo=',
    ],
    [
      'xz',
      'an x86 filter',
      '/Td6WFoAAATm1rRGAgEEACEBFgANhjUf4AgzABldADcYSqtoEKbzVvXBqLgCeJv3TEsb18gvlwAAAAAA6xSVwYlRyFoAATW0EAAAAIi7vCKxxGf7AgAAAAAEWVo=',
    ],
    [
      'xz',
      'a dictionary of 128 MiB',
      '/Td6WFoAAATm1rRGAgAhAR4AAACbB1Fm4AgzABldADcYSqtoEKbzVvXBqLgCeJv3TEsb18gvlwAAAAAA6xSVwYlRyFoAATW0EAAAAIi7vCKxxGf7AgAAAAAEWVo=',
    ],
    ['zstd', 'a window of 256 MiB', 'KLUv/QSQdQAAOG5hcmtpdCABACqQX4wb/h4e'],
  ] as const
).map(([compression, title, base64]) => [compression, title, fromBase64(base64)] as const);

function fromBase64(base64: string): Uint8Array {
  return Uint8Array.from(Buffer.from(base64, 'base64'));
}
