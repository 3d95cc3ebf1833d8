/** docs/alerts.yml: Prometheus takes it, and it asks for nothing that the worker does not tell. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { createQueueMetrics } from '../../src/queue/metrics.ts';
import { describePeer, needPeer } from '../peers/peers.ts';

const rules = fileURLToPath(new URL('../../docs/alerts.yml', import.meta.url));
const run = promisify(execFile);

it('names metrics of the worker', async () => {
  const destinations = [{ uri: 'file:///cache', state: 'ready', waiting: 0, parked: 0 } as const];
  const metrics = await createQueueMetrics(['file:///cache']);
  const told = await metrics.format(async () => ({
    waiting: 0,
    active: 0,
    parked: 0,
    damaged: 0,
    oldestSeconds: undefined,
    paused: false,
    worker: { running: true },
    destinations,
  }));
  const asked = new Set((await readFile(rules, 'utf8')).match(/\bnarkit_[a-z_]+/g));
  expect(asked.size).toBeGreaterThan(5);
  for (const name of asked) expect(told).toContain(`# TYPE ${name} `);
});

describePeer('promtool', 'Prometheus', () => {
  it('takes the rules', async () => {
    const { stdout } = await run(needPeer('promtool'), ['check', 'rules', rules]);
    expect(stdout).toContain('SUCCESS');
  });
});
