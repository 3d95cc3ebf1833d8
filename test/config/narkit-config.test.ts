/** narkit's configuration file: what it may say, and what it must not. */
import { describe, expect, it } from 'vitest';
import { ConfigError, parseNarkitConfig } from '../../src/config/index.ts';

const parse = (text: string): ReturnType<typeof parseNarkitConfig> => parseNarkitConfig(text, 'config.toml');

describe('parseNarkitConfig', () => {
  it('needs a destination alone', () => {
    expect(parse('to = "file:///cache"')).toEqual({
      from: 'auto',
      to: ['file:///cache'],
      secretKeyFiles: [],
      skipSignedBy: [],
      mode: 'queue',
      onFailure: 'ignore',
      buildLogs: false,
      queue: {
        directory: '/var/lib/narkit/queue',
        gcRoots: undefined,
        attempts: 10,
        retryDelayMs: 5_000,
        retryDelayMaximumMs: 900_000,
        parallelPaths: 8,
        metrics: undefined,
        shutdownTimeoutMs: 30_000,
      },
    });
  });

  it('takes all that can be said', () => {
    const config = parse(`
      from = "daemon"
      to = ["s3://a", "file:///b"]
      secret-key-files = "/etc/key"
      skip-signed-by = ["cache.nixos.org-1"]
      mode = "queue"
      on-failure = "direct"
      build-logs = true
      [queue]
      directory = "/spool"
      gc-roots = false
      attempts = 3
      retry-delay = 0.5
      retry-delay-maximum = 60
      parallel-paths = 2
      metrics = "unix:/run/narkit/metrics.sock"
      shutdown-timeout = 5
    `);
    expect(config).toMatchObject({ from: 'daemon', to: ['s3://a', 'file:///b'], onFailure: 'direct', buildLogs: true });
    expect(config.queue).toEqual({
      directory: '/spool',
      gcRoots: false,
      attempts: 3,
      retryDelayMs: 500,
      retryDelayMaximumMs: 60_000,
      parallelPaths: 2,
      metrics: 'unix:/run/narkit/metrics.sock',
      shutdownTimeoutMs: 5_000,
    });
    for (const metrics of ['127.0.0.1:9464', '[::1]:9464', ':9464', 'localhost:9464'])
      expect(parse(`to = "a"\n[queue]\nmetrics = "${metrics}"`).queue.metrics).toBe(metrics);
  });

  it.each([
    ['', `names no store to copy to`],
    ['to = 1', `has a 'to' that is not a text or a list of texts`],
    ['to = "a"\nfrm = "b"', `has an unknown key 'frm': the keys are 'mode', 'on-failure', 'queue', 'from'`],
    ['to = "a"\nbuild-logs = "yes"', `has a 'build-logs' that is not true or false`],
    ['to = "a"\nmode = "lazy"', `has a 'mode' that is not one of 'queue', 'direct'`],
    ['to = "a"\nmode = "direct"\non-failure = "direct"', `has a 'on-failure' that is not one of 'ignore', 'fail'`],
    ['to = "a"\nqueue = []', `has a 'queue' that is not a table`],
    ['to = "a"\n[queue]\ndirectry = "/x"', `has an unknown key 'queue.directry': the keys are 'queue.directory'`],
    ['to = "a"\n[queue]\ndirectory = "x"', `has a 'queue.directory' that is not an absolute path`],
    ['to = "a"\n[queue]\ngc-roots = true', `has a 'queue.gc-roots' that is not an absolute path, or false`],
    ['to = "a"\n[queue]\nattempts = 0', `has a 'queue.attempts' that is not a whole number from 1 to 1000`],
    ['to = "a"\n[queue]\nattempts = 1.5', `has a 'queue.attempts' that is not a whole number`],
    ['to = "a"\n[queue]\nretry-delay = 0', `has a 'queue.retry-delay' that is not a number from 0.01 to 86400`],
    ['to = "a"\n[queue]\nretry-delay = nan', `has a 'queue.retry-delay' that is not a number`],
    ['to = "a"\n[queue]\nretry-delay-maximum = 1', `is shorter than 'queue.retry-delay'`],
    ['to = "a"\n[queue]\nmetrics = "9464"', `has a 'queue.metrics' that is not 'HOST:PORT' or 'unix:/PATH'`],
    ['to = "a"\nsecret = "s3cret\n', 'is not TOML: line 2'],
  ])('refuses %j', (text, message) => {
    const thrown = (() => {
      try {
        return parse(text);
      } catch (error) {
        return error;
      }
    })();
    expect(thrown).toBeInstanceOf(ConfigError);
    expect((thrown as Error).message).toContain(`configuration file 'config.toml' `);
    expect((thrown as Error).message).toContain(message);
    expect((thrown as Error).message).not.toContain('s3cret');
  });
});
