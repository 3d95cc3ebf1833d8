// Makes a checkout ready to run: what package-lock.json names is installed, and dist/ is what src/ compiles to, with the programs in
// dist/bin/. Returns at once where all is so.
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

// Not `npm ci`: it refuses a lock file without the packages of other machines, which not every registry has.
if (!isInstalled()) run('npm', ['install', '--no-save', '--no-audit', '--no-fund']);
run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'src']);
const newest = Math.max(...['dist/.tsbuildinfo', 'rolldown.config.mjs', 'package-lock.json'].map(changedAt));
if (changedAt('dist/bin/narkit-hook.cjs') < newest)
  run(process.execPath, ['node_modules/rolldown/bin/cli.mjs', '-c'], 'ignore'); // a line for each file

function isInstalled() {
  const wanted = readPackages('package-lock.json');
  const installed = readPackages('node_modules/.package-lock.json');
  return Object.entries(wanted ?? {}).every(
    ([path, { version, optional }]) => path === '' || optional || installed?.[path]?.version === version,
  );
}

function changedAt(file) {
  return statSync(`${root}/${file}`, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function readPackages(lockFile) {
  try {
    return JSON.parse(readFileSync(`${root}/${lockFile}`, 'utf8')).packages;
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function run(command, args, stdout = 2) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', stdout, 2] });
  if (error !== undefined) throw error;
  if (status !== 0) process.exit(status ?? 1);
}
