/**
 * Secrets that systemd hands to a service.
 *
 * @module
 */
import { access } from 'node:fs/promises';
import { basename, join } from 'node:path';

/**
 * Where a service finds a secret: in the copy of this name that systemd made for it (`LoadCredential=` in `systemd.exec(5)`), or where
 * there is none, in the file itself. Thus one configuration serves the hook, which root runs, and a worker that is not root.
 */
export async function findCredentialFile(
  path: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  if (!env.CREDENTIALS_DIRECTORY) return path;
  const copy = join(env.CREDENTIALS_DIRECTORY, basename(path));
  return access(copy).then(
    () => copy,
    () => path,
  );
}
