/**
 * A closure that a real Nix builds: every kind of reference, file and content address that a small one can have.
 *
 * @module
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type LocalDirectories, localDirectories } from '../../src/store/local-directories.ts';
import { parseStorePath, type StorePath } from '../../src/store-path.ts';
import type { NixPlace } from '../peers/nix-place.ts';

const expression = `
let
  build = name: script: derivation {
    inherit name;
    system = builtins.currentSystem;
    builder = "/bin/sh";
    PATH = "/bin:/usr/bin";
    args = [ "-e" "-c" script ];
  };
  leaf = build "leaf" "echo leaf > $out";
  link = build "link" "ln -s \${leaf} $out";
  text = builtins.toFile "text" "a text";
  textWithReference = builtins.toFile "text-with-reference" "see \${text}";
  source = builtins.path { path = SOURCE; name = "source"; };
  flat = derivation {
    name = "flat";
    system = builtins.currentSystem;
    builder = "/bin/sh";
    args = [ "-e" "-c" "printf fixed > $out" ];
    outputHashMode = "flat";
    outputHashAlgo = "sha256";
    outputHash = builtins.hashString "sha256" "fixed";
  };
  library = build "library" ''
    mkdir -p $out/lib
    echo $out > $out/lib/self
    ln -s \${link} $out/lib/link
    echo exit > $out/run
    chmod +x $out/run
    head -c 3000000 /dev/zero > $out/large
    echo \${leaf} >> $out/large
  '';
in build "application" ''
  echo building the application
  mkdir -p $out
  ln -s \${library}/lib $out/lib
  echo \${textWithReference} \${source} \${flat} > $out/references
''
`;

/** What was built. */
export interface BuiltClosure {
  readonly application: StorePath;
  /** The whole closure, sorted. */
  readonly closure: readonly StorePath[];
  readonly directories: LocalDirectories;
}

/** Build the closure in a place; one of its paths is signed by two keys. */
export async function buildClosure(place: NixPlace): Promise<BuiltClosure> {
  const source = join(place.directory, 'source');
  writeFileSync(source, 'a source\n');
  const [output] = await place.build(expression.replace('SOURCE', source));
  const { stdout } = await place.run('nix-store', ['--query', '--requisites', output!]);
  for (const name of ['test-1', 'another-1']) {
    const keyFile = join(place.directory, name);
    const { stdout: key } = await place.run('nix', ['key', 'generate-secret', '--key-name', name]);
    writeFileSync(keyFile, key, { mode: 0o600 });
    await place.run('nix', ['store', 'sign', '--key-file', keyFile, output!]);
  }
  return {
    application: parseStorePath(output!, place.storeDir),
    closure: stdout
      .toString()
      .trim()
      .split('\n')
      .map((path) => parseStorePath(path, place.storeDir))
      .sort(),
    directories: directoriesOf(place),
  };
}

/** Where a place keeps its things, as narkit finds it from the same words as that Nix. */
function directoriesOf(place: NixPlace): LocalDirectories {
  if (place.env.NIX_STORE_DIR !== undefined) return localDirectories(new Map(), place.env);
  return localDirectories(new Map([['root', place.directory]]), place.env);
}

/** What `nix path-info --json` says of paths. */
export async function nixPathInfoJson(place: NixPlace, paths: readonly StorePath[]): Promise<string> {
  const full = paths.map((path) => `${place.storeDir}/${path}`);
  const { stdout } = await place.run('nix', ['path-info', '--json', ...full]);
  return stdout.toString();
}

/** The NAR that `nix-store --dump` makes of a path. */
export async function nixDump(place: NixPlace, path: StorePath): Promise<Buffer> {
  const { stdout } = await place.run('nix-store', ['--dump', `${place.storeDir}/${path}`]);
  return stdout;
}

/** All bytes of a stream. */
export async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
