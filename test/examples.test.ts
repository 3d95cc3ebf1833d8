/**
 * The examples in the sources' comments, in README.md and in docs/ do what they say.
 *
 * Every block marked `ts` must compile against the built package. It is then run, unless it is marked `ts no-run`, or leaves
 * names to its reader to fill in, or names a place on the reader's disk. Where a line ends in a literal as its comment,
 * as in `encodeNix32(Uint8Array.of(0x1f)); // '0z'`, that must be the line's value.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import ts from 'typescript';
import { afterAll, describe, expect, test } from 'vitest';

interface Example {
  /** File and line of its first line. */
  readonly place: string;
  readonly code: string;
  readonly mayRun: boolean;
}

const root = fileURLToPath(new URL('..', import.meta.url));
const project = mkdtempSync(join(tmpdir(), 'narkit-examples-'));
afterAll(() => rmSync(project, { recursive: true, force: true }));

/** A path on the reader's disk, or a name cut short. */
const namesReadersPlace = /['"`]\/(?!nix\/store)|'[^'\n]*…[^'\n]*'/;

function examplesOf(file: string): Example[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(/^([ *]*)```ts( no-run)?\n(.*?)^[ *]*```$/gms)].map((match) => {
    const [, margin = '', noRun, block = ''] = match;
    const code = margin.includes('*') ? block.replace(/^ *\* ?/gm, '') : block;
    const line = text.slice(0, match.index).split('\n').length + 1;
    return { place: `${file}:${line}`, code, mayRun: noRun === undefined && !namesReadersPlace.test(code) };
  });
}

function listFiles(folder: string, ending: string): string[] {
  return readdirSync(join(root, folder), { recursive: folder !== '.', encoding: 'utf8' })
    .filter((file) => file.endsWith(ending) && !file.startsWith('api/'))
    .map((file) => join(folder, file))
    .sort();
}

/** A comment stands on the page of what it is about, so its example need not say where that comes from. */
function withImports(code: string): string {
  if (/^import /m.test(code)) return code;
  const names = rootNames.filter(
    (name) => new RegExp(`\\b${name}\\b`).test(code) && !new RegExp(`(const|let|function\\*?) ${name}\\b`).test(code),
  );
  return `import { ${names.join(', ')} } from 'narkit';\n${code}`;
}

function withChecks(code: string): string {
  const literal = String.raw`('[^'…]*'|-?\d+n?|true|false|undefined)`;
  const checked = code.replace(
    new RegExp(`^(?!const|let|import)(\\S.*);(?: |\\n)// ${literal}$`, 'gm'),
    'assert.deepEqual($1, $2);',
  );
  return checked === code ? code : `import assert from 'node:assert/strict';\n${checked}`;
}

const rootIndex = ts.createSourceFile('', readFileSync(join(root, 'src/index.ts'), 'utf8'), ts.ScriptTarget.Latest);
const rootNames = rootIndex.statements.flatMap((statement) =>
  ts.isExportDeclaration(statement) && statement.exportClause && ts.isNamedExports(statement.exportClause)
    ? statement.exportClause.elements.map(({ name }) => name.text)
    : [],
);

const inSources = listFiles('src', '.ts').flatMap(examplesOf);
/** docs/runtimes.md is for other runtimes, and test/runtimes runs it there. */
const inDocs = [...listFiles('.', '.md'), ...listFiles('docs', '.md')]
  .filter((file) => file !== 'docs/runtimes.md')
  .flatMap(examplesOf);
const examples = [
  ...inSources.map((example) => ({ ...example, code: withChecks(withImports(example.code)) })),
  ...inDocs.map((example) => ({ ...example, code: withChecks(example.code) })),
];

mkdirSync(join(project, 'node_modules'));
symlinkSync(root, join(project, 'node_modules/narkit'));
for (const name of ['@types', 'vitest']) {
  symlinkSync(join(root, 'node_modules', name), join(project, 'node_modules', name));
}
writeFileSync(join(project, 'package.json'), '{ "type": "module" }');

const fileOf = ({ place }: Example) => join(project, `${place.replaceAll(/\W/g, '_')}.ts`);
for (const example of examples) writeFileSync(fileOf(example), `${example.code}\nexport {};\n`);
const { options } = ts.convertCompilerOptionsFromJson(
  { module: 'node20', target: 'es2023', lib: ['es2023'], types: ['node'], strict: true, skipLibCheck: true },
  project,
);
const program = ts.createProgram(examples.map(fileOf), options);
program.emit();

/** What the compiler says of names that the example leaves to its reader. */
const unknownName = [2304, 2552, 18004];

for (const example of examples) {
  describe(example.place, () => {
    const diagnostics = ts.getPreEmitDiagnostics(program, program.getSourceFile(fileOf(example)));
    const isWhole = !diagnostics.some(({ code }) => unknownName.includes(code));

    test('compiles', () => {
      const errors = diagnostics
        .filter(({ code }) => !unknownName.includes(code))
        .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
      expect(errors).toEqual([]);
    });

    if (isWhole && example.mayRun) {
      test('runs', async () => {
        const { stderr } = await promisify(execFile)(process.execPath, [fileOf(example).replace(/ts$/, 'js')], {
          cwd: project,
          timeout: 30_000,
        });
        expect(stderr).toBe('');
      });
    }
  });
}
