/** A cache of 1,000 paths with everything in it that can be wrong: all of it is found and named, and mended where it can be. */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createFilesystemBackend } from '../../src/backend/filesystem/index.ts';
import { type BinaryCacheStore, openBinaryCacheStore } from '../../src/binary-cache/index.ts';
import type { PublicKey, SecretKey } from '../../src/signing/index.ts';
import type { StorePath } from '../../src/store-path.ts';
import {
  type VerifyFinding,
  type VerifyOptions,
  type VerifySummary,
  verifyExitCode,
  verifyStore,
} from '../../src/verify/index.ts';
import { type Defect, defects, expectedFindings, makeCache, narInfoFile, plantDefects, testKey } from './defects.ts';

let directory: string;
let pristine: string;
let paths: StorePath[];
let key: SecretKey;
let trustedPublicKeys: readonly PublicKey[];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'narkit-verify-'));
  pristine = join(directory, 'pristine');
  key = await testKey('cache-1');
  trustedPublicKeys = [key.publicKey];
  paths = await makeCache(pristine, 1000, key);
}, 120_000);
afterAll(() => rm(directory, { recursive: true }));

async function newCopy(): Promise<string> {
  const folder = await mkdtemp(join(directory, 'cache-'));
  await cp(pristine, folder, { recursive: true });
  return folder;
}

const open = (folder: string): Promise<BinaryCacheStore> => openBinaryCacheStore(createFilesystemBackend(folder));

async function verify(
  folder: string,
  options: VerifyOptions = {},
  wanted: readonly StorePath[] | 'all' = 'all',
): Promise<{ findings: VerifyFinding[]; summary: VerifySummary }> {
  const verification = verifyStore(await open(folder), wanted, { trustedPublicKeys, ...options });
  const findings: VerifyFinding[] = [];
  for await (const finding of verification) findings.push(finding);
  return { findings, summary: verification.summary() };
}

/** What a finding is about: the path where it is known, else the narinfo's, else the file. */
function nameOf({ path, key: file }: VerifyFinding): string {
  return path ?? paths.find((candidate) => file === `${candidate.slice(0, 32)}.narinfo`) ?? file!;
}

const describeFindings = (findings: readonly VerifyFinding[]): string[] =>
  findings.map((finding) => `${finding.kind} ${nameOf(finding)}`).sort();

test('nothing is found where nothing is wrong', async () => {
  const { findings, summary } = await verify(pristine);
  expect(findings).toEqual([]);
  expect(summary).toMatchObject({ paths: 1000, corrupt: 0, untrusted: 0, other: 0, notes: 0 });
  expect(verifyExitCode(summary)).toBe(0);
});

describe('everything that can be wrong', () => {
  let folder: string;
  let planted: ReadonlyMap<Defect, StorePath>;
  /** NARs that are orphans because the narinfo that names them is broken. */
  const withoutNarFiles = (found: readonly VerifyFinding[]): VerifyFinding[] =>
    found.filter(({ kind, key: file }) => kind !== 'orphan-nar' || !/^nar\/[0-9a-z]{52}\.nar\.zst$/.test(file!));

  beforeAll(async () => {
    folder = await newCopy();
    planted = await plantDefects(folder, paths);
  });

  test('there are more than thirty defects', () =>
    expect(new Set(defects.map(({ name }) => name)).size).toBeGreaterThan(40));

  test('each is found, by its kind and path, and nothing else', async () => {
    const { findings, summary } = await verify(folder);
    expect(describeFindings(withoutNarFiles(findings))).toEqual(expectedFindings(planted));
    expect(verifyExitCode(summary)).toBe(7);
    for (const { message } of findings) {
      expect(message).not.toMatch(/[\x00-\x08\x0b-\x1f]/);
      expect(message.length).toBeLessThan(5000);
    }
  });

  test('what can be mended is, out of another cache, and found no more', async () => {
    const repairFrom = [{ store: await open(pristine), trustedPublicKeys }];
    const { findings } = await verify(folder, { repairFrom });
    const repaired = findings.filter((finding) => finding.repaired);
    const mendable = new Map([...planted].filter(([defect]) => defect.mendable));
    const alsoMended = [...mendable]
      .filter(([{ kinds }]) => kinds.includes('nar-elsewhere'))
      .map(([, path]) => `nar-elsewhere ${path}`);
    expect(describeFindings(repaired)).toEqual(expect.arrayContaining(expectedFindings(mendable)));
    expect(alsoMended).toHaveLength(1);
    expect(findings.flatMap(({ repairFailure }) => repairFailure ?? [])).toEqual([expect.stringContaining('EISDIR')]);

    const again = await verify(folder);
    const left = new Map([...planted].filter(([defect]) => !defect.mendable));
    expect(describeFindings(withoutNarFiles(again.findings))).toEqual(expectedFindings(left));
    expect(again.summary).toMatchObject({ corrupt: 1, untrusted: 0 });
  });
});

describe('quarantine', () => {
  test('broken narinfo files are out of sight, whole, and those that refer to them are found', async () => {
    const folder = await newCopy();
    const lost = paths[14]!;
    const referrer = paths[15]!;
    await writeFile(narInfoFile({ directory: folder, path: lost }), 'garbage');
    const { findings, summary } = await verify(folder, { quarantineFolder: 'quarantine/20260101T000000Z/' });
    const quarantineKey = `quarantine/20260101T000000Z/${lost.slice(0, 32)}.narinfo`;
    expect(findings.find(({ kind }) => kind === 'narinfo-corrupt')).toMatchObject({ quarantineKey });
    expect(findings.find(({ kind }) => kind === 'reference-missing')).toMatchObject({
      path: referrer,
      references: [lost],
    });
    expect(summary).toMatchObject({ corrupt: 1, other: 1, quarantined: 1 });
    expect(await readFile(join(folder, quarantineKey), 'utf8')).toBe('garbage');
    expect(await (await open(folder)).queryPathInfo(lost)).toBeUndefined();
    expect((await readdir(folder)).filter((name) => name.startsWith(lost.slice(0, 32)))).toEqual([
      `${lost.slice(0, 32)}.ls`,
    ]);

    const again = await verify(folder);
    expect(describeFindings(again.findings).filter((text) => !text.startsWith('orphan'))).toEqual([
      `reference-missing ${referrer}`,
    ]);
    const mended = await verify(folder, { repairFrom: [{ store: await open(pristine), trustedPublicKeys }] });
    expect(verifyExitCode(mended.summary)).toBe(0);
    expect((await verify(folder)).findings).toEqual([]);
  });
});
