/**
 * A real nginx on loopback that serves a directory and takes PUT and DELETE into it.
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { needPeer } from './peers.ts';

export interface NginxOptions {
  /** What to serve; a directory of the server's own when absent. */
  readonly root?: string;
  /** More lines of the `server` block. */
  readonly settings?: string;
}

export interface Nginx {
  /** `http://127.0.0.1:<port>`, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  /** What is served. */
  readonly root: string;
  /** The lines of its access log: `<connection> <method> <path> <status> <range>`. */
  requests(): Promise<string[]>;
  stop(): Promise<void>;
}

/** Start one, as the user who asks, on a port that is free. */
export async function startNginx(options: NginxOptions = {}): Promise<Nginx> {
  const directory = await mkdtemp(join(tmpdir(), 'narkit-nginx-'));
  const root = options.root ?? join(directory, 'root');
  await mkdir(root, { recursive: true });
  await mkdir(join(directory, 'temp'));
  // The master gives the folders of its temporary files to this user, and workers that are not root's must pass through.
  await chmod(directory, 0o755);

  const configuration = join(directory, 'nginx.conf');
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    await writeFile(configuration, format({ ...options, directory, root, port }));
    const child = spawn(needPeer('nginx'), ['-p', directory, '-c', configuration, '-e', 'error.log'], {
      stdio: 'ignore',
    });
    try {
      await untilItAnswers(child, port);
    } catch (error) {
      // Somebody may have taken the port meanwhile.
      if (attempt < 5) continue;
      const log = await readFile(join(directory, 'error.log'), 'utf8').catch(() => '');
      await rm(directory, { recursive: true });
      throw new Error(`nginx does not start: ${log}`, { cause: error });
    }
    const kill = (): void => {
      child.kill('SIGKILL');
    };
    process.once('exit', kill);
    return {
      url: `http://127.0.0.1:${port}`,
      port,
      root,
      async requests() {
        const lines = await readFile(join(directory, 'access.log'), 'utf8');
        return lines.split('\n').filter((line) => line !== '' && !line.includes(' /ready '));
      },
      async stop() {
        process.off('exit', kill);
        child.kill('SIGTERM');
        if (child.exitCode === null && child.signalCode === null)
          await new Promise((resolve) => child.once('exit', resolve));
        await rm(directory, { recursive: true, force: true });
      },
    };
  }
}

function format(options: NginxOptions & { directory: string; root: string; port: number }): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `  ${name}_temp_path ${join(options.directory, 'temp', name)};`,
  );
  return `
${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off;
worker_processes 1;
pid nginx.pid;
error_log error.log warn;
events { worker_connections 1024; }
http {
  log_format narkit '$connection $request_method $uri $status $http_range';
  access_log access.log narkit;
  default_type application/octet-stream;
${temporary.join('\n')}
  sendfile on;
  server {
    listen 127.0.0.1:${options.port};
    root ${options.root};
    dav_methods PUT DELETE;
    create_full_put_path on;
    client_max_body_size 0;
    location = /ready { return 200; }
    ${options.settings ?? ''}
  }
}
`;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function untilItAnswers(child: ChildProcess, port: number): Promise<void> {
  for (let waitedMs = 0; waitedMs < 10_000; waitedMs += 20) {
    if (child.exitCode !== null) throw new Error(`exit code ${child.exitCode}`);
    const ready = await fetch(`http://127.0.0.1:${port}/ready`).catch(() => undefined);
    if (ready !== undefined) {
      await ready.arrayBuffer();
      if (child.exitCode === null) return;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  child.kill('SIGKILL');
  throw new Error('it does not answer');
}
