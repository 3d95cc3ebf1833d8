/** A narinfo with every field. */
import { parseContentAddress } from '../../src/content-address.ts';
import { parseHash } from '../../src/hash/index.ts';
import type { NarInfo } from '../../src/narinfo/index.ts';
import { parseStorePathBaseName } from '../../src/store-path.ts';

const zero = `${'A'.repeat(86)}==`;

export const sampleFields = {
  StorePath: '/nix/store/n5wkd9frr45pa74if5gpz9j7mifg27fh-foo',
  URL: 'nar/1w1fff338fvdw53sqgamddn1b2xgds473pv6y13gizdbqjv4i5p3.nar.xz',
  Compression: 'xz',
  FileHash: 'sha256:1w1fff338fvdw53sqgamddn1b2xgds473pv6y13gizdbqjv4i5p3',
  FileSize: '4029176',
  NarHash: 'sha256:09ymwqf5i9q7d4dm7x4pjjcqqj0qrcp5lnznbh42gfsci5hcbqqm',
  NarSize: '34878',
  References: 'g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-bar n5wkd9frr45pa74if5gpz9j7mifg27fh-foo',
  Deriver: 'g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-bar.drv',
  Sig: [`asdf:${zero}`, `qwer:${zero}`],
  CA: 'fixed:r:sha256:1lr187v6dck1rjh2j6svpikcfz53wyl3qrlcbb405zlh13x0khhh',
};

export const sampleText = Object.entries(sampleFields)
  .flatMap(([name, value]) => [value].flat().map((item) => `${name}: ${item}\n`))
  .join('');

export const sampleNarInfo: NarInfo = {
  path: parseStorePathBaseName('n5wkd9frr45pa74if5gpz9j7mifg27fh-foo'),
  url: sampleFields.URL,
  compression: 'xz',
  fileHash: parseHash(sampleFields.FileHash),
  fileSize: 4029176,
  narHash: parseHash(sampleFields.NarHash),
  narSize: 34878,
  references: sampleFields.References.split(' ').map(parseStorePathBaseName),
  deriver: parseStorePathBaseName(sampleFields.Deriver),
  signatures: sampleFields.Sig,
  contentAddress: parseContentAddress(sampleFields.CA),
};
