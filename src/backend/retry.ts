/**
 * Trying again: how often, after how long, and when not.
 *
 * Settings and delays are Nix's (`src/libstore/filetransfer.cc`): full jitter, added above what `Retry-After` asks for.
 *
 * @module
 */
import type { AbortOptions } from '../abort.ts';
import { NarkitError } from '../errors.ts';
import { BackendError } from './backend.ts';
import { untilAborted } from './until-aborted.ts';

/** How a backend tries again; each as Nix's store setting of the same name, in milliseconds. */
export interface RetrySettings {
  /** `retry-attempts`: tries in all. Default 5. */
  readonly attempts?: number | undefined;
  /** `retry-delay`: the longest delay before the second try; it doubles with each. Default 100. */
  readonly delayMs?: number | undefined;
  /** `retry-delay-rate-limited`: the same after the statuses 429 and 503. Default 5,000. */
  readonly rateLimitedDelayMs?: number | undefined;
  /** `retry-max-delay`: no jitter is longer. Default 60,000. */
  readonly maximumDelayMs?: number | undefined;
}

/** Who asks to be left alone for longer than this is not waited for: the error says when to come back. */
export const maximumRetryAfterMs: number = 5 * 60 * 1000;

const settingNames = {
  attempts: 'retry-attempts',
  delayMs: 'retry-delay',
  rateLimitedDelayMs: 'retry-delay-rate-limited',
  maximumDelayMs: 'retry-max-delay',
} as const;

/**
 * Take the settings out of the parameters of a store URI; `rest` is what is left.
 *
 * @throws {@link NarkitError} `setting` when a value is no whole number, or there is to be no try at all.
 */
export function parseRetrySettings(parameters: ReadonlyMap<string, string>): {
  readonly settings: RetrySettings;
  readonly rest: ReadonlyMap<string, string>;
} {
  const rest = new Map(parameters);
  const settings: { -readonly [Name in keyof RetrySettings]: number } = {};
  for (const [field, name] of Object.entries(settingNames) as [keyof RetrySettings, string][]) {
    const value = rest.get(name);
    rest.delete(name);
    if (value === undefined || value === '') continue;
    if (!/^\d{1,9}$/.test(value) || (field === 'attempts' && Number(value) === 0))
      throw new NarkitError(
        'setting',
        `the setting '${name}' has the value '${value}', but it takes a whole number${field === 'attempts' ? ' from 1 on' : ''}`,
      );
    settings[field] = Number(value);
  }
  return { settings, rest };
}

/**
 * Do `attempt` until it goes through, fails for good, or was tried often enough: the last error comes out as it is.
 *
 * Only a {@link BackendError} that says `retryable` is tried again.
 *
 * @param attempt is told which try it is, from 1 on.
 */
export async function retrying<T>(
  attempt: (number: number) => Promise<T>,
  settings: RetrySettings = {},
  { signal }: AbortOptions = {},
): Promise<T> {
  for (let number = 1; ; number++) {
    signal?.throwIfAborted();
    try {
      return await attempt(number);
    } catch (error) {
      const delayMs = retryDelayMs(error, number, settings);
      if (delayMs === undefined) throw error;
      await waitBeforeRetry(delayMs, { signal });
    }
  }
}

/** How long to wait after try `number` failed with `error`; `undefined` when there should be no other. */
export function retryDelayMs(error: unknown, number: number, settings: RetrySettings = {}): number | undefined {
  const { attempts = 5, delayMs = 100, rateLimitedDelayMs = 5000, maximumDelayMs = 60_000 } = settings;
  if (!(error instanceof BackendError) || !error.retryable || number >= attempts) return undefined;
  const { status, retryAfterMs = 0 } = error;
  if (retryAfterMs > maximumRetryAfterMs) return undefined;
  const base = status === 429 || status === 503 ? rateLimitedDelayMs : delayMs;
  return retryAfterMs + Math.random() * Math.min(base * 2 ** (number - 1), maximumDelayMs);
}

/**
 * The value of a `Retry-After` header (RFC 9110, 10.2.3), seconds or a date, in milliseconds from now; `undefined` when there
 * is none or it is neither.
 */
export function parseRetryAfter(value: string | null | undefined): number | undefined {
  const text = value?.trim() ?? '';
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  // Only the forms of HTTP dates, which begin with a day's name: Date.parse takes almost anything.
  if (!/^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? /.test(text)) return undefined;
  const atMs = Date.parse(text.endsWith(' GMT') ? text : `${text} GMT`);
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - Date.now());
}

/** Wait; the signal ends it. */
export async function waitBeforeRetry(delayMs: number, { signal }: AbortOptions = {}): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const elapsed = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, delayMs);
  });
  await untilAborted(elapsed, signal).finally(() => clearTimeout(timer));
}
