/**
 * The package as npm packs it, in an empty project of a user.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { describePeer, needPeer } from '../peers/peers.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const modules = Object.keys(packageJson.exports).map((path) => path.replace(/^\./, 'narkit'));

let project: string;

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'narkit-pack-'));
  // The scripts would build dist/ anew under the feet of other suites: `npm test` has built it.
  const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', project];
  const [{ filename, files }] = JSON.parse((await run('npm', pack, { cwd: root })).stdout);
  const paths = files.map(({ path }: { path: string }) => path) as string[];
  expect(
    paths.filter(
      (path) =>
        !/^(dist\/.*\.(c?js|d\.c?ts)|dist\/bin\/licenses\/.+\.txt|systemd\/[^/]+|LICENSE|README\.md|package\.json)$/.test(
          path,
        ),
    ),
  ).toEqual([]);

  await writeFile(join(project, 'package.json'), JSON.stringify({ name: 'user', private: true, type: 'module' }));
  const nodeTypes = `@types/node@${packageJson.devDependencies['@types/node']}`;
  const install = ['install', '--prefer-offline', '--no-audit', '--no-fund', `./${filename}`, nodeTypes];
  await run('npm', install, { cwd: project });
});

afterAll(() => rm(project, { recursive: true, force: true }));

describe.each([
  { module: 'node20', moduleResolution: 'node16' },
  { module: 'nodenext', moduleResolution: 'nodenext' },
  { module: 'esnext', moduleResolution: 'bundler' },
])('types with module $module, moduleResolution $moduleResolution', (resolution) => {
  test('resolve, and are whole', async () => {
    const folder = join(project, resolution.module);
    await mkdir(folder);
    const imports = modules
      .filter((name) => !name.endsWith('.json'))
      .map((name, index) => `import * as module${index} from '${name}';\nexport { module${index} };\n`);
    const use = `
      import { type Hash, formatHash, parseHash } from 'narkit/hash';
      const hash: Hash = parseHash('sha256:${'0'.repeat(52)}');
      export const text: string = formatHash(hash, 'sri');
      // @ts-expect-error: a hash is not its text
      formatHash(text, 'sri');`;
    await writeFile(join(folder, 'user.ts'), imports.join('') + use);
    const compilerOptions = {
      ...resolution,
      target: 'es2023',
      types: ['node'],
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      skipLibCheck: false,
    };
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['user.ts'] }));
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const { stdout } = await run(process.execPath, [tsc, '-p', folder]).catch((error) => error);
    expect(stdout).toBe('');
  });
});

function describeNode(findNode: () => string): void {
  test.each(modules)('imports %s', async (name) => {
    const options = name.endsWith('.json') ? ", { with: { type: 'json' } }" : '';
    const script = `console.log(Object.keys(await import('${name}'${options})).length)`;
    const { stdout, stderr } = await run(findNode(), ['--input-type=module', '--eval', script], { cwd: project });
    expect(Number(stdout)).toBeGreaterThan(0);
    expect(stderr).toBe('');
  });

  test('narkit says its version', async () => {
    const { stdout } = await runBin(findNode(), 'narkit', ['--version']);
    expect(stdout.trim()).toBe(packageJson.version);
  });

  test('narkit-hook without a build to speak of ends well, with a word to people', async () => {
    const { stdout, stderr } = await runBin(findNode(), 'narkit-hook', []);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^(narkit-hook: .+\n)?$/);
  });
}

/** A program of the package as a shell finds it, with an environment that holds nothing but the way to this Node. */
function runBin(node: string, name: string, args: string[]) {
  const env = { PATH: [dirname(node), '/usr/bin', '/bin'].join(delimiter) };
  return run(join(project, 'node_modules/.bin', name), args, { cwd: project, env });
}

describe(`on this Node, ${process.version}`, () => describeNode(() => process.execPath));

describePeer('node24', 'on Node 24', () => describeNode(() => needPeer('node24')));
