/**
 * What docs/architecture.md promises of the sources as a whole, read off the sources.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, test } from 'vitest';
import packageJson from '../package.json' with { type: 'json' };
import typedocJson from '../typedoc.json' with { type: 'json' };

/** The rooms, lowest first; the first that matches is a file's. A portable one runs wherever JavaScript does. */
const rooms: readonly { name: string; files: RegExp; portable: boolean }[] = [
  { name: 'errors', files: /^errors\.ts$/, portable: true },
  { name: 'abort', files: /^abort(-\w+)*\.ts$/, portable: true },
  { name: 'bytes', files: /^bytes\//, portable: true },
  { name: 'hash', files: /^hash\//, portable: true },
  { name: 'values', files: /^(store-path|content-address|path-info|signature)\.ts$/, portable: true },
  { name: 'store-path-from-content', files: /^store-path-from-content\.ts$/, portable: true },
  { name: 'nar', files: /^nar\//, portable: true },
  { name: 'file-system', files: /^file-system\//, portable: false },
  { name: 'narinfo', files: /^narinfo\//, portable: true },
  { name: 'path-info-json', files: /^path-info-json\.ts$/, portable: true },
  { name: 'signing', files: /^signing\//, portable: true },
  { name: 'derivation', files: /^derivation\//, portable: true },
  { name: 'config', files: /^config\//, portable: false },
  { name: 'compression', files: /^compression\//, portable: true },
  { name: 'backend', files: /^backend\/(http\/)?[^/]+\.ts$/, portable: true },
  { name: 'backend/conformance', files: /^backend\/conformance\//, portable: true },
  { name: 'backend/filesystem', files: /^backend\/filesystem\//, portable: false },
  { name: 'backend/s3', files: /^backend\/s3\//, portable: false },
  {
    name: 'store interface',
    files: /^store\/(checked-nar|measured|store(-error|-uri)?|unpack-nar)\.ts$/,
    portable: true,
  },
  { name: 'binary-cache', files: /^binary-cache\//, portable: true },
  { name: 'store', files: /^store\//, portable: false },
  { name: 'store-object', files: /^store-object\//, portable: true },
  { name: 'copy', files: /^copy\//, portable: true },
  { name: 'verify', files: /^verify\//, portable: true },
  { name: 'queue', files: /^queue\//, portable: false },
  { name: 'hook', files: /^hook\//, portable: false },
  { name: 'cli', files: /^cli\//, portable: false },
  { name: 'root', files: /^index\.ts$/, portable: false },
];

/** Packages that run wherever JavaScript does. */
const portablePackages =
  /^(@bokuweb\/zstd-wasm|@noble\/(ed25519|hashes)|fflate|fzstd|p-map|xxhash-wasm|xz-decompress)(\/|$)/;

const root = fileURLToPath(new URL('..', import.meta.url));
const sources = new Map(
  readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.c?ts$/.test(file))
    .map((file) => [file, readFileSync(join(root, 'src', file), 'utf8')]),
);

/** The choices between Node's own and what runs everywhere, as they are made where there is no Node. */
const seams = new Map(
  Object.entries(packageJson.imports).map(([name, { default: target }]) => [
    name,
    target.replace('./dist/', '').replace(/\.js$/, '.ts'),
  ]),
);

/** What a file imports, statically or not: files of src, packages, and Node's built-in modules. */
function importsOf(file: string): string[] {
  return ts
    .preProcessFile(sources.get(file) ?? '')
    .importedFiles.map(({ fileName }) =>
      fileName.startsWith('.') ? posix.join(posix.dirname(file), fileName) : (seams.get(fileName) ?? fileName),
    );
}

const roomOf = (file: string) => rooms.findIndex(({ files }) => files.test(file));

test('every file is in a room', () => {
  expect([...sources.keys()].filter((file) => roomOf(file) === -1)).toEqual([]);
});

test('a room imports only from those below it', () => {
  const upward = [...sources.keys()].flatMap((file) =>
    importsOf(file)
      .filter((imported) => sources.has(imported) && roomOf(imported) > roomOf(file))
      .map((imported) => `${file} imports ${imported}`),
  );
  expect(upward).toEqual([]);
});

/** What a portable room loads where there is no Node. */
function portableFiles(): Set<string> {
  const reached = new Set([...sources.keys()].filter((file) => rooms[roomOf(file)]?.portable && isEntry(file)));
  for (const file of reached) for (const imported of importsOf(file)) if (sources.has(imported)) reached.add(imported);
  return reached;
}

/** Something that others import: indexes, values, and what is chosen in another runtime. */
function isEntry(file: string): boolean {
  return !file.endsWith('-node.ts') && (/(\/index|-browser|-workerd)\.ts$/.test(file) || !file.includes('/'));
}

test('portable rooms load nothing that only Node has', () => {
  const foreign = [...portableFiles()].flatMap((file) =>
    importsOf(file)
      .filter((imported) => !sources.has(imported) && !portablePackages.test(imported))
      .map((imported) => `${file} imports ${imported}`),
  );
  expect(foreign).toEqual([]);
});

test('portable rooms compile without the types of Node', () => {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.convertCompilerOptionsFromJson(
    {
      ...config.compilerOptions,
      module: 'esnext',
      moduleResolution: 'bundler',
      lib: ['es2023', 'dom', 'dom.asynciterable'],
      types: [],
      paths: Object.fromEntries([...seams].map(([name, file]) => [name, [`./src/${file}`]])),
    },
    root,
  );
  // What every fetch takes for a body that streams, and TypeScript's DOM does not know.
  const duplex = join(root, 'duplex.d.ts');
  const compiler = ts.createCompilerHost(options);
  const { getSourceFile } = compiler;
  compiler.getSourceFile = (file, ...rest) =>
    file === duplex
      ? ts.createSourceFile(file, "interface RequestInit { duplex?: 'half' }", ts.ScriptTarget.Latest)
      : getSourceFile(file, ...rest);
  const files = [...portableFiles()].map((file) => join(root, 'src', file));
  const program = ts.createProgram([...files, duplex], options, compiler);
  expect(program.getSourceFiles().filter(({ fileName }) => fileName.includes('/@types/node/'))).toEqual([]);
  const host = {
    getCanonicalFileName: (file: string) => file,
    getCurrentDirectory: () => root,
    getNewLine: () => '\n',
  };
  expect(ts.formatDiagnostics(ts.getPreEmitDiagnostics(program), host)).toBe('');
});

/** What is loaded with a file, before anything in it runs. */
function loadedWith(file: string, reached = new Set<string>()): Set<string> {
  if (reached.has(file)) return reached;
  reached.add(file);
  const { statements } = ts.createSourceFile(file, sources.get(file) ?? '', ts.ScriptTarget.Latest);
  for (const statement of statements) {
    if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) continue;
    const { moduleSpecifier } = statement;
    if (moduleSpecifier === undefined || !ts.isStringLiteral(moduleSpecifier) || isForTypes(statement)) continue;
    const name = moduleSpecifier.text;
    loadedWith(name.startsWith('.') ? posix.join(posix.dirname(file), name) : (seams.get(name) ?? name), reached);
  }
  return reached;
}

function isForTypes(statement: ts.ImportDeclaration | ts.ExportDeclaration): boolean {
  return ts.isImportDeclaration(statement)
    ? statement.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
    : statement.isTypeOnly;
}

test.each(['index.ts', 'backend/s3/index.ts', 'cli/narkit.ts', 'hook/narkit-hook.cts'])(
  'the SDK of S3 is not loaded with %s',
  (file) => {
    expect([...loadedWith(file)].filter((name) => name.startsWith('@aws-sdk/'))).toEqual([]);
  },
);

const indexes = [...sources.keys()].filter((file) => posix.basename(file) === 'index.ts').sort();

test('package.json and typedoc.json name the same folders', () => {
  const paths = Object.entries(packageJson.exports).filter(([path]) => path !== './package.json');
  for (const [path, target] of paths) {
    expect(target).toBe(path === '.' ? './dist/index.js' : `./dist/${path.slice(2)}/index.js`);
  }
  const exported = paths.map(([, target]) => target.replace('./dist/', '').replace(/\.js$/, '.ts')).sort();
  expect(exported.filter((file) => !indexes.includes(file))).toEqual([]);
  expect(typedocJson.entryPoints.map((path) => path.replace('src/', '')).sort()).toEqual(exported);
  const folders = indexes.filter((file) => file.split('/').length === 2);
  expect(folders.filter((file) => !exported.includes(file))).toEqual([]);
});

/** The names that a file exports, types too. */
function exportedNames(file: string): string[] {
  const { statements } = ts.createSourceFile(file, sources.get(file) ?? '', ts.ScriptTarget.Latest);
  return statements.flatMap((statement) => {
    if (!ts.isExportDeclaration(statement)) return [];
    const clause = statement.exportClause;
    return clause !== undefined && ts.isNamedExports(clause) ? clause.elements.map(({ name }) => name.text) : ['*'];
  });
}

test('no file exports all of another', () => {
  expect([...sources.keys()].filter((file) => exportedNames(file).includes('*'))).toEqual([]);
});

test('the root exports what the folders export, by name, the same objects', async () => {
  const rootNames = new Set(exportedNames('index.ts'));
  // The conformance suite is for tests alone.
  const folders = indexes.filter((file) => file !== 'index.ts' && file !== 'backend/conformance/index.ts');
  const missing = folders.flatMap((file) => exportedNames(file).filter((name) => !rootNames.has(name)));
  expect(missing).toEqual([]);

  const rootModule = (await import('../src/index.ts')) as Record<string, unknown>;
  for (const file of folders) {
    const folderModule = (await import(join(root, 'src', file))) as Record<string, unknown>;
    for (const [name, value] of Object.entries(folderModule)) expect(rootModule[name], `${file} ${name}`).toBe(value);
  }
});

test('docs/architecture.md has a row for every folder', () => {
  const doc = readFileSync(join(root, 'docs/architecture.md'), 'utf8');
  const folders = new Set([...sources.keys()].filter((file) => file.includes('/')).map((file) => file.split('/')[0]));
  expect([...folders].filter((folder) => !doc.includes(`\`${folder}/\``))).toEqual([]);
});

test('no file names a path of the machine that it was written on', () => {
  const places = ['main', 'shared', 'peers', '.library'].map((folder) => ['', 'work', folder].join('/'));
  const folders = ['.ci', 'bench', 'docs', 'fixtures', 'src', 'test'].filter((folder) =>
    existsSync(join(root, folder)),
  );
  const entries = [
    ...readdirSync(root, { withFileTypes: true }),
    ...folders.flatMap((folder) => readdirSync(join(root, folder), { recursive: true, withFileTypes: true })),
  ];
  const naming = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => {
      const text = readFileSync(file, 'latin1');
      return places.some((place) => text.includes(place));
    });
  expect(naming).toEqual([]);
});
