/**
 * A page in a real Chromium.
 *
 * @module
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServer } from '../backend/http/local-server.ts';
import { needPeer } from '../peers/peers.ts';

const mediaTypes: Readonly<Record<string, string>> = { js: 'text/javascript', wasm: 'application/wasm' };

/** Flags for a machine without a screen, a sandbox of Chromium's or a way to Google. */
const flags = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'],
];

/**
 * Show a page whose script is `entry.js` of a folder; the script gets the task from `/task`.
 *
 * @returns what it posts to `/report`.
 */
export async function runPage(folder: string, task: unknown): Promise<string> {
  let report: (text: string) => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  const reported = new Promise<string>((resolve, reject) => {
    report = resolve;
    fail = reject;
  });
  const server = await startServer(async ({ url, body }, response) => {
    if (url === '/report') report(body.toString());
    else if (url === '/failure') fail(new Error(body.toString()));
    if (url === '/') response.setHeader('content-type', 'text/html');
    else response.setHeader('content-type', mediaTypes[url.split('.').at(-1)!] ?? 'text/plain');
    if (url === '/') response.end('<!doctype html><script type="module" src="/entry.js"></script>');
    else if (url === '/task') response.end(JSON.stringify(task));
    else if (/^\/[\w./-]+\.(js|wasm)$/.test(url)) response.end(await readFile(join(folder, url)));
    else response.writeHead(url === '/report' ? 204 : 404).end();
  });
  const fonts = join(needPeer('chromium'), 'fonts.conf');
  const profile = await mkdtemp(join(tmpdir(), 'narkit-chromium-'));
  const browser = spawn(
    join(needPeer('chromium'), 'bin/chromium'),
    [...flags, `--user-data-dir=${profile}`, '--remote-debugging-port=0', `${server.url}/`],
    {
      detached: true, // a process group of its own, to be killed as one
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { PATH: process.env.PATH, HOME: profile, FONTCONFIG_FILE: fonts },
    },
  );
  let said = '';
  browser.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-10_000);
  });
  const ended = once(browser, 'exit');
  const timer = setTimeout(() => fail(new Error(`the page did not report; Chromium said:\n${said}`)), 120_000);
  ended.then(([code]) => fail(new Error(`Chromium ended with ${code}:\n${said}`)));
  try {
    return await reported;
  } finally {
    clearTimeout(timer);
    if (browser.exitCode === null) process.kill(-browser.pid!, 'SIGKILL');
    await ended;
    await server.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
