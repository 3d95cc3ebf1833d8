/**
 * What the machine says: key files, nix.conf.
 *
 * @module
 */
export { defaultConfigFile, defaultQueueDirectory, type HookSettings } from './hook-settings.cts';
export { KeyFileError, type ReadSecretKeyFileOptions, readSecretKeyFile } from './key-file.ts';
export {
  ConfigError,
  type NarkitConfig,
  parseNarkitConfig,
  type QueueConfig,
  readNarkitConfig,
} from './narkit-config.ts';
export { NixConfError, type NixConfLine, parseNixConf } from './nix-conf.ts';
export { type NixSettings, nixConfFiles, type ReadNixSettingsOptions, readNixSettings } from './nix-settings.ts';
