/**
 * One run of the post-build hook.
 *
 * @module
 */
import type { NarkitConfig } from '../config/index.ts';
import { messageOf } from '../errors.ts';

/** What a run of the hook has around it. */
export interface HookContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Takes a line for a person. */
  readonly printLine: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Run the hook. Silent when all is well; a failure is one line, and fails the build only where `on-failure = "fail"` says so.
 *
 * @returns the exit code. Nix stops the build when it is not 0.
 */
export async function runHook(context: HookContext): Promise<0 | 1> {
  const { env, signal } = context;
  let config: NarkitConfig | undefined;
  try {
    const { readNarkitConfig } = await import('../config/index.ts');
    config = await readNarkitConfig(env);
    const { findBuiltPaths } = await import('./built-paths.ts');
    const { uploadBuilt } = await import('./upload.ts');
    const paths = await findBuiltPaths(env);
    const onWarning = (message: string): void => printLine(context, `warning: ${message}`);
    await uploadBuilt({ paths, derivation: env.DRV_PATH }, config, { env, signal, onWarning });
    return 0;
  } catch (error) {
    printLine(context, messageOf(error));
    return config?.onFailure === 'fail' ? 1 : 0;
  }
}

/** Nix shows each line behind `post-build-hook:`, so one message is one line. */
function printLine(context: HookContext, message: string): void {
  context.printLine(`narkit-hook: ${message.replaceAll(/\s*\n\s*/g, ' ')}`);
}
