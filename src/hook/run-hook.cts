/**
 * One run of the post-build hook.
 *
 * @module
 */
import { type HookSettings, readHookSettings } from '../config/hook-settings.cts';
import { queueBuilt, splitOutPaths } from './queue-built.cts';

/** What a run of the hook has around it. */
export interface HookContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Takes a line for a person. */
  readonly printLine: (line: string) => void;
  /** Ends an upload. */
  readonly signal?: AbortSignal | undefined;
}

/** How long the queue may take. One call to a file system that hangs cannot be cut short: the queue belongs on a local disk. */
const limitSeconds = 2;

/**
 * Run the hook. Silent when all is well; a failure is one line, and fails the build only where `on-failure = "fail"` says so.
 *
 * In mode `queue` it writes to the spool and roots, and reads nothing but the configuration: neither the network nor a worker, nor what
 * waits already, can make it slow.
 *
 * @returns the exit code. Nix stops the build when it is not 0.
 */
export async function runHook(context: HookContext): Promise<0 | 1> {
  const { env } = context;
  let settings: HookSettings | undefined;
  try {
    settings = readHookSettings(env);
    if (settings.mode === 'direct') {
      await upload(context);
      return 0;
    }
    const paths = splitOutPaths(env.OUT_PATHS);
    if (paths.length === 0) paths.push(...(await findOutputs(env)));
    const started = process.uptime();
    try {
      queueBuilt(paths, settings, env, () => process.uptime() - started > limitSeconds);
    } catch (error) {
      if (settings.onFailure !== 'direct') throw error;
      printLine(context, `${messageOf(error)}; uploading it now`);
      await upload(context);
    }
    return 0;
  } catch (error) {
    printLine(context, messageOf(error));
    return settings?.onFailure === 'fail' ? 1 : 0;
  }
}

// What follows needs ES modules, which take their time to load.

async function findOutputs(env: HookContext['env']): Promise<string[]> {
  const { findBuiltPaths } = await import('./built-paths.ts');
  return findBuiltPaths(env);
}

async function upload(context: HookContext): Promise<void> {
  const { uploadNow } = await import('./upload.ts');
  await uploadNow(context.env, {
    signal: context.signal,
    onWarning: (message) => printLine(context, `warning: ${message}`),
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Nix shows each line behind `post-build-hook:`, so one message is one line. */
function printLine(context: HookContext, message: string): void {
  context.printLine(`narkit-hook: ${message.replaceAll(/\s*\n\s*/g, ' ')}`);
}
