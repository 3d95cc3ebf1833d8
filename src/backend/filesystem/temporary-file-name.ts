/**
 * Names of files that are being written, told from objects by their end: `.tmp.<number>.<number>`, as Nix's own
 * (`src/libstore/local-binary-cache-store.cc` writes `<destination>.tmp.<pid>.<n>`).
 *
 * @module
 */

const temporaryEnd = /\.tmp\.(\d+)\.\d+$/;

/**
 * A new name. It does not carry the destination's, which a NAR gets last and which may leave no room for an end. The number
 * after the process id is random, for processes of two machines or containers that share the directory.
 */
export function createTemporaryFileName(): string {
  return `.narkit.tmp.${process.pid}.${Math.floor(Math.random() * 2 ** 48)}`;
}

/** Is this the name, or the key, of a file that somebody, or this process, writes or left half written? */
export function isTemporaryFileName(name: string, processId?: number): boolean {
  const [, id] = temporaryEnd.exec(name) ?? [];
  return id !== undefined && (processId === undefined || Number(id) === processId);
}
