import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BackendError } from '../../src/backend/backend.ts';
import { parseRetryAfter, parseRetrySettings, retryDelayMs, retrying } from '../../src/backend/retry.ts';

const failed = (more: { status?: number; retryAfterMs?: number; retryable?: boolean } = {}): BackendError =>
  new BackendError('backend-refused', 'refused', { uri: 'test:', retryable: true, ...more });

/** The longest that the jitter can make a delay. */
function longestDelayMs(...args: Parameters<typeof retryDelayMs>): number | undefined {
  const random = vi.spyOn(Math, 'random').mockReturnValue(1);
  try {
    return retryDelayMs(...args);
  } finally {
    random.mockRestore();
  }
}

describe('retryDelayMs', () => {
  it('doubles from 100 ms, from 5 s where the rate is limited, up to a minute', () => {
    expect([1, 2, 3, 4].map((number) => longestDelayMs(failed(), number))).toEqual([100, 200, 400, 800]);
    for (const status of [429, 503])
      expect([1, 2, 3, 4].map((number) => longestDelayMs(failed({ status }), number))).toEqual([
        5000, 10_000, 20_000, 40_000,
      ]);
    expect(longestDelayMs(failed(), 60, { attempts: 100 })).toBe(60_000);
  });

  it('has full jitter', () => {
    const delays = Array.from({ length: 1000 }, () => retryDelayMs(failed({ status: 503 }), 1)!);
    expect(Math.min(...delays)).toBeLessThan(500);
    expect(Math.max(...delays)).toBeGreaterThan(4500);
    expect(new Set(delays).size).toBeGreaterThan(900);
  });

  it('waits above what Retry-After says, and not at all where that is too long', () => {
    expect(longestDelayMs(failed({ retryAfterMs: 2000 }), 1)).toBe(2100);
    expect(longestDelayMs(failed({ retryAfterMs: 300_000 }), 1)).toBe(300_100);
    expect(longestDelayMs(failed({ retryAfterMs: 300_001 }), 1)).toBeUndefined();
  });

  it('ends with the attempts, and never begins for what cannot pass', () => {
    expect(retryDelayMs(failed(), 4)).toBeDefined();
    expect(retryDelayMs(failed(), 5)).toBeUndefined();
    expect(retryDelayMs(failed(), 1, { attempts: 1 })).toBeUndefined();
    expect(retryDelayMs(failed({ retryable: false }), 1)).toBeUndefined();
    expect(retryDelayMs(new Error('something else'), 1)).toBeUndefined();
  });
});

describe('retrying', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('tries until it goes through, and says which try it is', async () => {
    const tries: number[] = [];
    const result = retrying(async (number) => {
      tries.push(number);
      if (number < 4) throw failed();
      return 'through';
    });
    await vi.runAllTimersAsync();
    expect(await result).toBe('through');
    expect(tries).toEqual([1, 2, 3, 4]);
  });

  it('throws the last error as it is', async () => {
    const errors = [failed(), failed(), failed({ retryable: false })];
    const result = retrying(async (number) => {
      throw errors[number - 1];
    });
    const expectation = expect(result).rejects.toBe(errors[2]);
    await vi.runAllTimersAsync();
    await expectation;
  });

  it('ends a delay with the signal, and does not try at all where it was aborted before', async () => {
    const stop = new AbortController();
    const attempt = vi.fn(async () => {
      throw failed({ retryAfterMs: 100_000 });
    });
    const result = retrying(attempt, {}, { signal: stop.signal });
    const expectation = expect(result).rejects.toBe('stopped');
    await vi.advanceTimersByTimeAsync(50_000);
    stop.abort('stopped');
    await expectation;
    expect(attempt).toHaveBeenCalledTimes(1);
    expect(vi.getTimerCount()).toBe(0);
    await expect(retrying(attempt, {}, { signal: stop.signal })).rejects.toBe('stopped');
    expect(attempt).toHaveBeenCalledTimes(1);
  });
});

describe('parseRetryAfter', () => {
  it('reads seconds and dates', () => {
    expect(parseRetryAfter('120')).toBe(120_000);
    expect(parseRetryAfter(' 0 ')).toBe(0);
    const inOneMinute = parseRetryAfter(new Date(Date.now() + 60_000).toUTCString())!;
    expect(inOneMinute).toBeGreaterThan(50_000);
    expect(inOneMinute).toBeLessThanOrEqual(60_000);
    expect(parseRetryAfter('Sun, 06 Nov 1994 08:49:37 GMT')).toBe(0);
    expect(parseRetryAfter('Sun Nov  6 08:49:37 2094')! + Date.now()).toBeCloseTo(Date.UTC(2094, 10, 6, 8, 49, 37), -3);
    expect(parseRetryAfter('Sunday, 06-Nov-94 08:49:37 GMT')).toBe(0);
    expect(parseRetryAfter('Sun Nov  6 08:49:37 1994')).toBe(0);
  });

  it('takes nothing else', () => {
    for (const value of [undefined, null, '', 'soon', '-5', '1.5', '1e9', '2030-01-01', 'Sun, never'])
      expect(parseRetryAfter(value)).toBeUndefined();
  });

  it('makes a number of any number of digits', () => {
    expect(parseRetryAfter('9'.repeat(400))).toBe(Number.POSITIVE_INFINITY);
    expect(longestDelayMs(failed({ retryAfterMs: Number.POSITIVE_INFINITY }), 1)).toBeUndefined();
  });
});

describe('parseRetrySettings', () => {
  it('takes Nix’s settings and leaves the rest', () => {
    const { settings, rest } = parseRetrySettings(
      new Map([
        ['retry-attempts', '7'],
        ['retry-delay', '50'],
        ['retry-delay-rate-limited', '1000'],
        ['retry-max-delay', '0'],
        ['compression', 'xz'],
      ]),
    );
    expect(settings).toEqual({ attempts: 7, delayMs: 50, rateLimitedDelayMs: 1000, maximumDelayMs: 0 });
    expect([...rest]).toEqual([['compression', 'xz']]);
    expect(parseRetrySettings(new Map([['retry-delay', '']]))).toEqual({ settings: {}, rest: new Map() });
  });

  it('refuses what is no number', () => {
    for (const value of ['many', '-1', '1.5', '99999999999', '0'])
      expect(() => parseRetrySettings(new Map([['retry-attempts', value]]))).toThrow(
        `the setting 'retry-attempts' has the value '${value}'`,
      );
  });
});
