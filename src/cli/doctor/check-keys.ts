/**
 * Can what is uploaded be signed?
 *
 * @module
 */
import { type NarkitConfig, readSecretKeyFile } from '../../config/index.ts';
import { messageOf } from '../../errors.ts';
import { formatPublicKey } from '../../signing/index.ts';
import { type CheckContext, type Finding, failed, ok, warning } from './finding.ts';

/** Each secret key file, with the public key that clients have to trust. */
export async function* checkKeys(config: NarkitConfig, { signal }: CheckContext): AsyncGenerator<Finding> {
  const isSignedElsewhere = config.to.every((uri) => /[?&]secret-keys?=/.test(uri));
  if (config.secretKeyFiles.length === 0 && !isSignedElsewhere)
    yield warning(
      'key',
      'nothing is signed: clients refuse paths that no key signed which they trust',
      "make a key with 'narkit key generate-secret' and name its file in 'secret-key-files'",
    );
  for (const file of config.secretKeyFiles) {
    const warnings: string[] = [];
    try {
      const key = await readSecretKeyFile(file, { signal, onWarning: (message) => warnings.push(message) });
      const shown = `'${file}' signs; its public key, for trusted-public-keys of clients: ${formatPublicKey(key.publicKey)}`;
      yield warnings.length > 0
        ? warning('key', `${shown}; it can be read by others`, `run 'chmod 600 ${file}'`)
        : ok('key', shown);
    } catch (error) {
      yield failed(
        'key',
        messageOf(error),
        "correct 'secret-key-files', or make a key with 'narkit key generate-secret'",
      );
    }
  }
}
