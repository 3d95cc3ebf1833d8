/**
 * Read the ATerm form of a `.drv` file.
 *
 * Rules: Nix `src/libstore/derivation/aterm.cc` and the manual's page "Derivation “ATerm” file format". Stricter than Nix in
 * one thing: list items must have one comma between them, and nothing may follow the last parenthesis.
 *
 * @module
 */
import { messageOf } from '../errors.ts';
import { defaultStoreDir, formatStorePath, parseStorePath, type StorePath } from '../store-path.ts';
import { AtermReader } from './aterm-reader.ts';
import { type Derivation, DerivationError, type DerivationInput, type DerivationOutput } from './derivation.ts';

/** The most bytes that a derivation may have. */
export const maximumDerivationBytes: number = 64 * 1024 * 1024;

/** How {@link parseDerivation} reads. */
export interface ParseDerivationOptions {
  /** @default '/nix/store' */
  readonly storeDir?: string;
  /** What errors call the derivation: its path. @default 'derivation' */
  readonly where?: string;
}

// Outputs of outputs of outputs …; Nix itself makes one level.
const maximumInputDepth = 64;

/**
 * Parse a `.drv` file.
 *
 * @throws {@link DerivationError} with the offset, for all that is wrong with it.
 * @example
 * ```ts
 * const outputs = derivationOutputPaths(parseDerivation(bytes, { where: drvPath }));
 * ```
 */
export function parseDerivation(bytes: Uint8Array, options: ParseDerivationOptions = {}): Derivation {
  const { storeDir = defaultStoreDir, where = 'derivation' } = options;
  if (bytes.length > maximumDerivationBytes)
    throw new DerivationError(where, `it is longer than ${maximumDerivationBytes} bytes`, maximumDerivationBytes);
  const reader = new AtermReader(bytes, where);
  const readPath = (): StorePath => readStorePath(reader, storeDir);

  const dynamic = readHead(reader);
  const outputs = new Map<string, DerivationOutput>();
  reader.list(() => {
    reader.expect('(');
    const name = reader.text();
    reader.expect(',');
    if (outputs.has(name)) reader.fail(`there are two outputs '${name}'`);
    outputs.set(name, readOutput(reader, storeDir));
    reader.expect(')');
  });
  reader.expect(',');
  const inputDerivations = new Map<StorePath, DerivationInput>();
  reader.list(() => {
    reader.expect('(');
    const path = readPath();
    reader.expect(',');
    inputDerivations.set(path, readInput(reader, dynamic, 0));
    reader.expect(')');
  });
  reader.expect(',');
  const inputSources: StorePath[] = [];
  reader.list(() => inputSources.push(readPath()));
  reader.expect(',');
  const platform = reader.text();
  reader.expect(',');
  const builder = reader.text();
  reader.expect(',');
  const args: Uint8Array[] = [];
  reader.list(() => args.push(reader.string()));
  reader.expect(',');
  const env = new Map<string, Uint8Array>();
  reader.list(() => {
    reader.expect('(');
    const name = reader.text();
    reader.expect(',');
    env.set(name, reader.string());
    reader.expect(')');
  });
  reader.expect(')');
  reader.end();
  return { outputs, inputDerivations, inputSources, platform, builder, args, env };
}

/** The head of either version; does it allow outputs of outputs? */
function readHead(reader: AtermReader): boolean {
  if (reader.skip('Derive(')) return false;
  if (!reader.skip('DrvWithVersion(')) reader.fail(`it begins with neither 'Derive(' nor 'DrvWithVersion('`);
  const version = reader.text();
  if (version !== 'xp-dyn-drv') reader.fail(`unknown version '${version}'`);
  reader.expect(',');
  return true;
}

function readOutput(reader: AtermReader, storeDir: string): DerivationOutput {
  const start = reader.offset;
  const path = reader.text();
  reader.expect(',');
  const hashAlgorithm = reader.text();
  reader.expect(',');
  const hash = reader.text();
  return path === ''
    ? { hashAlgorithm, hash }
    : { path: checkStorePath(reader, path, storeDir, start), hashAlgorithm, hash };
}

function readInput(reader: AtermReader, dynamic: boolean, depth: number): DerivationInput {
  if (!dynamic || !reader.skip('(')) return { outputs: readTexts(reader) };
  if (depth === maximumInputDepth) reader.fail(`outputs of outputs are nested deeper than ${maximumInputDepth}`);
  const outputs = readTexts(reader);
  reader.expect(',');
  const dynamicOutputs = new Map<string, DerivationInput>();
  reader.list(() => {
    reader.expect('(');
    const name = reader.text();
    reader.expect(',');
    dynamicOutputs.set(name, readInput(reader, dynamic, depth + 1));
    reader.expect(')');
  });
  reader.expect(')');
  return { outputs, dynamicOutputs };
}

function readTexts(reader: AtermReader): string[] {
  const texts: string[] = [];
  reader.list(() => texts.push(reader.text()));
  return texts;
}

function readStorePath(reader: AtermReader, storeDir: string): StorePath {
  const start = reader.offset;
  return checkStorePath(reader, reader.text(), storeDir, start);
}

function checkStorePath(reader: AtermReader, path: string, storeDir: string, offset: number): StorePath {
  let parsed: StorePath;
  try {
    parsed = parseStorePath(path, storeDir);
  } catch (error) {
    return reader.fail(messageOf(error), offset, error);
  }
  if (formatStorePath(parsed, storeDir) !== path) reader.fail(`path '${path}' is not canonical`, offset);
  return parsed;
}
