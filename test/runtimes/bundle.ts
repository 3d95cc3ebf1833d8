/**
 * What an ordinary bundler makes of a program that uses narkit.
 *
 * @module
 */
import { copyFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { build, type Plugin, type Rolldown } from 'vite';

/** Those with which the tools of workerd bundle. */
export const workerConditions: readonly string[] = ['workerd', 'worker', 'browser'];

export interface BundleOptions {
  /** Where the entry lies, and what it imports. */
  readonly project: string;
  readonly entry: string;
  /** The folder for what comes out. */
  readonly outDir: string;
  /** Beside those of every bundler, those of a kind of runtime. */
  readonly conditions?: readonly string[];
}

export interface Bundle {
  /** Files of JavaScript, the entry first. */
  readonly chunks: readonly { readonly fileName: string; readonly code: string }[];
  /** What is imported and not in it. */
  readonly imports: readonly string[];
  readonly warnings: readonly string[];
}

/** A bundle of ES modules for a page; with conditions, for another runtime, which gets WebAssembly as modules. */
export async function bundle({ project, entry, outDir, conditions }: BundleOptions): Promise<Bundle> {
  const warnings: string[] = [];
  const output = (await build({
    configFile: false,
    root: project,
    base: './', // files lie beside the program, also where that is no server's root
    logLevel: 'silent',
    ...(conditions && { resolve: { conditions: [...conditions, 'module', 'import', 'default'] } }),
    plugins: conditions === undefined ? [] : [wasmModules(outDir)],
    worker: { format: 'es' },
    build: {
      outDir,
      target: 'es2022',
      modulePreload: false,
      reportCompressedSize: false,
      rolldownOptions: {
        input: join(project, entry),
        preserveEntrySignatures: 'strict',
        output: { entryFileNames: 'entry.js', codeSplitting: conditions === undefined },
        onLog: (_level, { message }) => warnings.push(message),
      },
    },
  })) as Rolldown.RolldownOutput;
  const chunks = output.output.filter((file) => file.type === 'chunk');
  return {
    chunks: chunks.map(({ fileName, code }) => ({ fileName, code })),
    imports: chunks
      .flatMap(({ imports, dynamicImports }) => [...imports, ...dynamicImports])
      .filter((name) => !chunks.some(({ fileName }) => fileName === name)),
    warnings,
  };
}

/** As the tools of Workers do: a module of WebAssembly is a file beside the program. */
function wasmModules(outDir: string): Plugin {
  const files = new Set<string>();
  return {
    name: 'wasm-modules',
    enforce: 'pre',
    async resolveId(source, importer) {
      if (!source.endsWith('.wasm')) return undefined;
      const resolved = await this.resolve(source, importer, { skipSelf: true });
      if (resolved === null) return undefined;
      files.add(resolved.id);
      return { id: `./${basename(resolved.id)}`, external: true };
    },
    async writeBundle() {
      for (const file of files) await copyFile(file, join(outDir, basename(file)));
    },
  };
}
