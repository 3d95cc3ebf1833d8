// Makes the programs of package.json's `bin` from src/: each in few files of CommonJS, for Node loads many files, and ES modules at
// all, more slowly. The library in dist/, where each file has its own, stands beside them.
import { chmodSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'rolldown';

/** The packages that most runs need; the others are loaded from where npm installs them, when they are asked for. */
const bundledPackages = /^(@bomb\.sh\/tab|commander|p-map|smol-toml)(\/|$)/;

const common = {
  cwd: fileURLToPath(new URL('.', import.meta.url)),
  platform: 'node',
  resolve: { conditionNames: ['narkit-source', 'node', 'import', 'default'] },
};
const output = {
  dir: 'dist/bin',
  format: 'cjs',
  entryFileNames: '[name].cjs',
  chunkFileNames: 'chunk-[name].cjs',
  comments: { jsdoc: false },
};

export default defineConfig([
  {
    ...common,
    input: { narkit: 'src/cli/narkit.ts' },
    external: (id) => /^[@a-z]/.test(id) && !bundledPackages.test(id) && id !== 'node:child_process',
    plugins: [startNoProgram(), makeProgram()],
    output: {
      ...output,
      cleanDir: true,
      codeSplitting: {
        groups: [{ name: nameOfShared, debugName: 'shared', minShareCount: 8 }],
      },
    },
  },
  {
    ...common,
    input: { 'narkit-hook': 'src/hook/narkit-hook.cts' },
    plugins: [takeFromLibrary(), makeProgram()],
    output,
  },
]);

/** What many commands need is one file, unless it makes Node load more than what every Node has loaded at its start. */
function nameOfShared(id, context) {
  const seen = new Set();
  const isLight = (module) => {
    if (seen.has(module)) return true;
    seen.add(module);
    if (module.startsWith('node:')) return /^node:(events|fs|path|url|util)$/.test(module);
    return context.getModuleInfo(module)?.importedIds.every(isLight) ?? true;
  };
  return isLight(id) ? 'shared' : null;
}

/** commander can start other programs, and loads what that takes: narkit starts none. */
function startNoProgram() {
  return {
    name: 'start-no-program',
    resolveId: { filter: { id: /^node:child_process$/ }, handler: () => '\0no-program' },
    load: { filter: { id: /^\0no-program$/ }, handler: () => 'export {};' },
  };
}

/** The hook is one file. What it seldom needs, to upload by itself, it takes from the library. */
function takeFromLibrary() {
  return {
    name: 'take-from-library',
    resolveId: {
      filter: { id: /^\.\/[\w-]+\.ts$/ },
      handler: (id) => ({ id: id.replace(/^\.\/(.+)\.ts$/, '../hook/$1.js'), external: true }),
    },
  };
}

/** Lets a shell start it, and brings the licences of what is in it. */
function makeProgram() {
  return {
    name: 'make-program',
    generateBundle() {
      const packages = [...this.getModuleIds()].flatMap(
        (id) => /^.*\/node_modules\/(@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? [],
      );
      for (const folder of new Set(packages)) {
        const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
        const files = readdirSync(folder).filter((file) => /^licen[cs]e/i.test(file));
        const texts = files.map((file) => readFileSync(join(folder, file), 'utf8'));
        this.emitFile({
          type: 'asset',
          fileName: `licenses/${name.replace('/', '-')}.txt`,
          source: [`${name} ${version}, ${license}\n`, ...texts].join('\n'),
        });
      }
    },
    writeBundle({ dir }, files) {
      for (const { fileName, isEntry } of Object.values(files)) if (isEntry) chmodSync(join(dir, fileName), 0o755);
    },
  };
}
