/**
 * Loaded before a program: when its process ends, it writes into the file that `NARKIT_BENCH_REPORT` names, as JSON, the most bytes that
 * the process had in memory, and the longest that its event loop stood still, in milliseconds.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const resolution = 10;
const delay = monitorEventLoopDelay({ resolution });
delay.enable();

process.on('exit', () => {
  const report = { peakBytes: peakBytes(), longestStallMs: longestStallMs() };
  writeFileSync(process.env.NARKIT_BENCH_REPORT, JSON.stringify(report));
});

function peakBytes() {
  // Not `maxRSS`, where Linux counts what the parent had when it started this process.
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1024;
  return Number(/^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;
}

/** What is measured is the time from one turn of a timer to the next. */
function longestStallMs() {
  return Math.max(0, delay.max / 1e6 - resolution);
}
