/**
 * A user's project with the package as npm packs it, and nothing else but what the package depends on.
 *
 * @module
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import packageJson from '../../package.json' with { type: 'json' };

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

/** A folder whose `node_modules` has narkit. The caller removes it. */
export async function createProject(): Promise<string> {
  const project = await mkdtemp(join(tmpdir(), 'narkit-runtimes-'));
  // The scripts would build dist/ anew under the feet of other suites: `npm test` has built it.
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', project], { cwd: root });
  const [archive] = (await readdir(project)).filter((name) => name.endsWith('.tgz'));
  await run('tar', ['--extract', '--gzip', '--file', archive!], { cwd: project });
  await mkdir(join(project, 'node_modules'));
  await cp(join(project, 'package'), join(project, 'node_modules/narkit'), { recursive: true });
  await Promise.all([rm(join(project, 'package'), { recursive: true }), rm(join(project, archive!))]);
  for (const name of Object.keys(packageJson.dependencies)) {
    const link = join(project, 'node_modules', name);
    await mkdir(dirname(link), { recursive: true });
    await symlink(join(root, 'node_modules', name), link);
  }
  await writeFile(join(project, 'package.json'), JSON.stringify({ name: 'user', private: true, type: 'module' }));
  return project;
}
