/** Loaded before a program: writes the most bytes that its process had in memory to file descriptor 3 when it ends. */
import { readFileSync, writeSync } from 'node:fs';

process.on('exit', () => writeSync(3, String(peakBytes())));

function peakBytes() {
  // Not `maxRSS`, where Linux counts what the parent had when it started this process.
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1024;
  return Number(/^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;
}
